import type { Clock } from '../core/clock.js';
import type { Announce } from '../core/events.js';
import type { Random } from '../core/random.js';
import type { RouteRule, ServicePolicy, ServiceRef } from '../core/route.js';
import { ThriftyClock } from '../core/thrifty-clock.js';
import type { TraceSampler } from '../core/tracing.js';
import { Turn } from '../core/turn.js';
import type { ClientRequest, ClientSocket } from './client-side.js';
import type { Generation, ProxyContext } from './context.js';
import { compileGeneration } from './generation.js';
import { LoopLag } from './loop-lag.js';
import { RoutingHistory } from './routing-history.js';
import type { Service } from './service.js';
import { Services, type WatchService } from './services.js';
import { pooledRandomHex } from './trace-context.js';
import { Tunnels } from './tunnel.js';

export interface DataPathOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
  readonly watchService: WatchService;
  /** Decides which requests have their spans kept; absent while tracing is off. */
  readonly sampler?: TraceSampler | undefined;
  /** Whether the gateway may connect to this IP address. */
  readonly allows: (ip: string) => boolean;
  /** Bytes; also the bound for the heads of responses. */
  readonly maxHeaderSize: number;
  /** Milliseconds; Infinity for no limit. */
  readonly maxLoopLag: number;
}

/** What a generation is made of. */
export interface RoutingSettings {
  readonly rules: readonly RouteRule[];
  readonly policyOf: (ref: ServiceRef) => ServicePolicy;
  /** CIDRs. */
  readonly trustedProxies: readonly string[];
}

/** Routes, services and connections: everything a request passes through, behind one reference. */
export class DataPath implements ProxyContext {
  readonly clock: Clock;
  readonly deadlineClock: ThriftyClock;
  readonly announce: Announce;
  readonly randomHex = pooledRandomHex();
  readonly sampler: TraceSampler | undefined;
  readonly turn = new Turn();
  readonly tunnels = new Tunnels();
  readonly history = new RoutingHistory();
  readonly closing = new WeakSet<ClientSocket>();
  readonly awaitingContinue = new WeakSet<ClientRequest>();
  readonly #loopLag: LoopLag;
  readonly #services: Services;
  #generation: Generation;
  #draining = false;

  constructor(options: DataPathOptions, settings: RoutingSettings) {
    const { clock, announce, random, allows, maxHeaderSize, maxLoopLag, watchService } = options;
    this.clock = clock;
    this.deadlineClock = new ThriftyClock(clock);
    this.#loopLag = new LoopLag(clock, maxLoopLag);
    this.announce = announce;
    this.sampler = options.sampler;
    this.#services = new Services(
      { clock, random, announce, turn: this.turn, allows, maxResponseHead: maxHeaderSize },
      watchService,
    );
    this.#generation = this.#build(settings);
  }

  /** Swaps in new routes and policies in one step. Requests under way end as they began. */
  replace(settings: RoutingSettings): void {
    this.#generation = this.#build(settings);
  }

  current(): Generation {
    return this.#generation;
  }

  serviceOf(rule: RouteRule): Service {
    return this.#services.of(rule);
  }

  /** By the name in metrics and logs; undefined when no route leads to it. */
  service(name: string): Service | undefined {
    return this.#services.get(name);
  }

  overloaded(): boolean {
    return this.#loopLag.overloaded;
  }

  draining(): boolean {
    return this.#draining;
  }

  /** From now on every response closes its connection. */
  startDraining(): void {
    this.#draining = true;
  }

  /** Breaks off tunnels and connections to endpoints. */
  close(): void {
    this.#loopLag.close();
    this.tunnels.closeAll();
    this.#services.close();
    this.deadlineClock.close();
  }

  #build(settings: RoutingSettings): Generation {
    this.#services.reconcile(settings.rules, settings.policyOf);
    const generation = compileGeneration(settings);
    this.history.add(this.clock.now(), generation);
    return generation;
  }
}
