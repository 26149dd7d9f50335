import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../../src/config/load.js';
import { systemClock } from '../../src/core/clock.js';
import { EventHub, type SourceEvent } from '../../src/core/events.js';
import { type Random, systemRandom } from '../../src/core/random.js';
import { createEtcdSource } from '../../src/discovery/etcd/source.js';
import type { Source } from '../../src/discovery/source.js';
import { type Gateway, startGateway } from '../../src/gateway.js';
import { Ledger } from './ledger.js';
import { Link } from './link.js';
import { HealthyService, SteadyLoad } from './load.js';
import { type Credentials, PREFIX, type TortureRegistry } from './registry.js';

const PATIENCE_MS = 30_000;
const POLL_MS = 5;

/** How soon the view was right again, and how soon it had to be. */
export interface Recovery {
  readonly what: string;
  readonly ms: number;
  readonly limitMs: number;
}

export interface StageOptions {
  /** What the gateway reads the registry with. */
  readonly reader?: Credentials;
  /** What the test writes with. */
  readonly writer?: Credentials;
}

/**
 * A gateway in this process that watches a registry over links which a case can break, a healthy service
 * behind it under load, and a ledger of what was written to the registry directly.
 */
export class Stage {
  readonly registry: TortureRegistry;
  readonly links: Link[] = [];
  readonly service = new HealthyService();
  readonly recoveries: Recovery[] = [];
  readonly events: SourceEvent[] = [];
  readonly ledger: Ledger;
  /** Keys whose joining was announced. */
  readonly joined = new Set<string>();
  readonly #options: StageOptions;
  readonly #hub = new EventHub();
  #source: Source | undefined;
  #gateway: Gateway | undefined;
  #load: SteadyLoad | undefined;

  constructor(registry: TortureRegistry, options: StageOptions = {}) {
    this.registry = registry;
    this.#options = options;
    this.ledger = new Ledger(options.writer);
  }

  get source(): Source {
    if (this.#source === undefined) throw new Error('the stage is not open');
    return this.#source;
  }

  get load(): SteadyLoad {
    if (this.#load === undefined) throw new Error('the stage is not open');
    return this.#load;
  }

  /** The load, if the case came as far. */
  get loadSoFar(): SteadyLoad | undefined {
    return this.#load;
  }

  /** Reasons of the lists that were read, in order. */
  get relists(): string[] {
    return this.events.filter(({ kind }) => kind === 'relisted').map(({ detail }) => detail);
  }

  /** `watched` is the endpoint of the member to start with; any when absent. */
  async open(watched?: string): Promise<void> {
    await this.service.open();
    for (const endpoint of this.registry.endpoints) await this.#openLink(endpoint);
    this.ledger.goThrough(this.registry.endpoints);
    for (const [index, address] of this.service.addresses.entries()) {
      await this.ledger.put(`${PREFIX}/goods/host-${index}`, address);
    }
    this.#source = this.#follow(watched);
    this.#gateway = await this.#serve(this.#source);
    await this.#gateway.ready();
    await this.until('connected', () => this.source.view().connected);
    if (watched !== undefined && this.linkInUse !== this.links[this.registry.endpoints.indexOf(watched)]) {
      throw new Error(`the gateway watches ${this.source.view().member}`);
    }
    this.#load = new SteadyLoad(`http://${this.#gateway.address}/goods/list`);
  }

  /** The link that the gateway uses now. */
  get linkInUse(): Link {
    const link = this.links.find(({ endpoint }) => endpoint === this.source.view().member);
    if (link === undefined) throw new Error(`no link to ${this.source.view().member}`);
    return link;
  }

  /** Ends the whole registry, and starts it again after `downMs`. */
  async crash(downMs: number): Promise<void> {
    const forgets = this.links.length === 1;
    // What has only its memory is empty for a moment: nobody looks before its services are back.
    if (forgets) this.links[0]?.cut();
    await this.registry.crash(downMs);
    if (forgets) this.reconnect();
  }

  async disconnect(): Promise<void> {
    for (const link of this.links) link.cut();
    await this.until('disconnected', () => !this.source.view().connected);
  }

  reconnect(): void {
    for (const link of this.links) link.mend();
  }

  /** Waits until the view is what the registry holds, and notes how long that took since `from`, as it is then. */
  async viewRight(
    what: string,
    limitMs: number,
    from: number | (() => number) = performance.now(),
  ): Promise<void> {
    const truth = await this.ledger.truth();
    const expected = [...truth].map(([key, value]) => `${serviceOf(key)} ${value}`).sort();
    await this.until(`${what}: the view is what the registry holds`, () => sameList(this.#view(), expected));
    const since = typeof from === 'number' ? from : from();
    this.recoveries.push({ what, ms: performance.now() - since, limitMs });
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > until) {
        throw new Error(`${what}: not within ${PATIENCE_MS} ms; ${JSON.stringify(this.source.view())}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Waits for what was registered to have been announced, but no longer than `withinMs`. */
  async allTold(withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    while (this.ledger.missingFrom(this.joined).length > 0 && performance.now() < until) await sleep(POLL_MS);
  }

  async close(): Promise<void> {
    await this.#load?.stop();
    await this.#gateway?.close();
    this.ledger.close();
    await Promise.all(this.links.map((link) => link.close()));
    await this.service.close();
  }

  async #openLink(endpoint: string): Promise<void> {
    const link = new Link(endpoint);
    await link.open();
    this.links.push(link);
  }

  #follow(watched: string | undefined): Source {
    const { endpoints } = this.registry;
    return createEtcdSource({
      name: 'main',
      endpoints: this.links.map(({ endpoint }) => endpoint),
      prefix: PREFIX,
      schema: 'plain',
      ...this.#options.reader,
      clock: systemClock,
      random: watched === undefined ? systemRandom : startingAt(endpoints.indexOf(watched), endpoints.length),
      announce: this.#hub.announce,
    });
  }

  #serve(source: Source): Promise<Gateway> {
    this.#hub.on('source', (event) => this.events.push(event));
    this.#hub.on('membership', ({ change, key }) => {
      if (change === 'joined') this.joined.add(key);
    });
    const config = parseConfig(
      'listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nroutes:\n  - prefix: /goods\n    service: goods\n',
      'routes.yaml',
      {},
    );
    if ('errors' in config) throw new Error(JSON.stringify(config.errors));
    return startGateway({
      settings: config.settings,
      sources: [source],
      hub: this.#hub,
      logStream: { dropped: 0, write: () => undefined, close: async () => undefined },
    });
  }

  #view(): string[] {
    const services = this.source.snapshot()?.services ?? new Map();
    const listed: string[] = [];
    for (const [service, { endpoints }] of services) {
      for (const { address } of endpoints) listed.push(`${service} ${address}`);
    }
    return listed.sort();
  }
}

/** The first thing that a source leaves to chance is the member to start with. */
function startingAt(index: number, of: number): Random {
  let drawn = false;
  return () => {
    if (drawn) return systemRandom();
    drawn = true;
    return (index + 0.5) / of;
  };
}

function serviceOf(key: string): string {
  return key.slice(PREFIX.length + 1).split('/')[0] ?? '';
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
