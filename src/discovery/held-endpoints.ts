import type { Clock, Timer } from '../core/clock.js';
import {
  type Endpoint,
  type EndpointSet,
  endpointSet,
  type HoldReason,
  staleEndpoint,
} from '../core/endpoint.js';
import { EndpointMap } from './endpoint-map.js';
import type { Doubt } from './guard-policy.js';
import { OwnerQuestions } from './owner-questions.js';
import { Probing, type Question } from './probing.js';
import { Slices } from './slices.js';
import type { ReleaseReason } from './source.js';

export interface HeldEndpointsOptions {
  readonly clock: Clock;
  /** Whether the endpoint can take requests. Never rejects. */
  readonly probe: (service: string, endpoint: Endpoint) => Promise<boolean>;
  /** Whether a lease is still there. Rejects when nobody says. */
  readonly leaseLives: (lease: string) => Promise<boolean>;
  /** Milliseconds that one may be held. */
  readonly staleTtl: number;
  /** What `of(service)` answers has changed. */
  readonly onChange: (service: string) => void;
  /** Told before `onChange`, with the endpoint as it was last seen in a set. */
  readonly onRelease: (service: string, endpoint: Endpoint, reason: ReleaseReason) => void;
}

/** Which endpoint is to be held, why and how. */
export interface HoldOrder {
  readonly service: string;
  readonly endpoint: Endpoint;
  readonly reason: Doubt;
  /** As it is in the set of its service, and stays while it is asked about; undefined when it is in none. */
  readonly shown: Endpoint | undefined;
  /** If this lease still lives, the owner has deleted the key, and there is nothing to hold. */
  readonly lease: string | undefined;
}

interface Held {
  readonly service: string;
  /** As the registry listed it. */
  readonly endpoint: Endpoint;
  readonly stale: Endpoint;
  readonly lease: string | undefined;
  /** On the monotonic clock, milliseconds. */
  readonly until: number;
  /** As it is in the set of its service; undefined while it is in none. */
  shown: Endpoint | undefined;
  /** The first probe is over, and who owns it was asked. */
  settled: boolean;
}

const PROBE_EVERY_MS = 1_000;

/**
 * Endpoints that are not listed and may yet be alive. Each is probed in its turn, then at most once a second, and is
 * used only while it passes; the first failure lets go of it. One from a cold start is kept instead, unused, until it
 * passes or the registry has spoken: it may be starting as we are.
 */
export class HeldEndpoints {
  readonly #options: HeldEndpointsOptions;
  readonly #held = new EndpointMap<Held>();
  readonly #probing: Probing;
  readonly #unasked: Held[] = [];
  readonly #asking: Slices;
  readonly #owners: OwnerQuestions;
  #timer: Timer | undefined;
  #inRound = false;
  #closed = false;

  constructor(options: HeldEndpointsOptions) {
    this.#options = options;
    this.#probing = new Probing(options.clock);
    this.#owners = new OwnerQuestions(options.clock, options.leaseLives);
    this.#asking = new Slices(options.clock, (mayGoOn) => this.#askSome(mayGoOn));
  }

  /** Those that are in use, under a service. */
  of(service: string): Endpoint[] {
    const shown: Endpoint[] = [];
    for (const held of this.#held.of(service)) if (held.shown) shown.push(held.shown);
    return shown;
  }

  /** Whether none is held. */
  get empty(): boolean {
    return this.#held.empty;
  }

  /** Services of which any is held. */
  services(): Iterable<string> {
    return this.#held.services();
  }

  has(service: string, address: string): boolean {
    return this.#held.get(service, address) !== undefined;
  }

  /** Holds endpoints from now on, those that a probe finds alive and whose owner did not delete them. */
  hold(orders: Iterable<HoldOrder>): void {
    const until = this.#options.clock.monotonic() + this.#options.staleTtl;
    for (const order of orders) this.#unasked.push(this.#add(order, order.reason, until));
    this.#asking.run();
  }

  /** Resolves once the endpoint has been probed for the first time: as soon as can be, since nothing is served yet. */
  async holdCold(service: string, endpoint: Endpoint): Promise<void> {
    const order = { service, endpoint, shown: undefined, lease: undefined };
    const held = this.#add(order, 'cold start', Number.POSITIVE_INFINITY);
    const passes = await this.#probing.soon(this.#question(held));
    held.settled = true;
    if (passes) this.#show(held, held.stale);
  }

  /** Forgets those of a service that are listed again, without a word. */
  forgetListed(set: EndpointSet): void {
    this.#held.deleteAll(set);
  }

  /** Lets go of every endpoint from the cold start; answers those that were in use. */
  endColdStart(): Map<string, EndpointSet> {
    const sets = new Map<string, EndpointSet>();
    for (const service of this.#held.services()) {
      const shown = this.of(service);
      if (shown.length > 0) sets.set(service, endpointSet(service, shown));
    }
    this.#held.clear();
    return sets;
  }

  /** A request could not connect. */
  reportDead(service: string, address: string): void {
    const held = this.#held.get(service, address);
    if (held !== undefined) this.#fail(held, 'a request could not connect');
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#asking.stop();
    this.#held.clear();
    this.#probing.close();
  }

  #askSome(mayGoOn: () => boolean): boolean {
    let asked = 0;
    for (const held of this.#unasked) {
      asked += 1;
      void this.#askFirst(held);
      if (!mayGoOn()) break;
    }
    this.#unasked.splice(0, asked);
    return this.#unasked.length === 0;
  }

  #add(order: Omit<HoldOrder, 'reason'>, reason: HoldReason, until: number): Held {
    const { service, endpoint, shown, lease } = order;
    const stale = staleEndpoint(endpoint, { reason, since: this.#options.clock.now() });
    const held: Held = { service, endpoint, stale, lease, until, shown, settled: false };
    this.#held.set(service, endpoint.address, held);
    this.#schedule();
    return held;
  }

  /** Nobody is told that it is held before it has proved to be alive and to have an owner that did not delete it. */
  async #askFirst(held: Held): Promise<void> {
    const [passes] = await Promise.all([this.#probe(held, { first: true }), this.#askOwner(held)]);
    held.settled = true;
    if (passes) this.#show(held, held.stale);
  }

  /** Whether it passes; lets go of one that does not. */
  async #probe(held: Held, turn: { readonly first: boolean }): Promise<boolean> {
    const passes = await this.#probing.inTurn(this.#question(held), turn);
    if (!passes) this.#fail(held, 'a probe failed');
    return passes;
  }

  async #askOwner(held: Held): Promise<void> {
    if (held.lease === undefined) return;
    const { isOpen } = this.#question(held);
    const onLives = (): void => this.#release(held, 'its owner deleted it');
    await this.#owners.ask(held.lease, { isOpen, onLives });
  }

  #question(held: Held): Question {
    return {
      isOpen: () => this.#isCurrent(held),
      ask: () => this.#options.probe(held.service, held.endpoint),
    };
  }

  /** Once a second, or sooner when one has been held long enough by then. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#closed || this.#held.empty) return;
    const { clock } = this.#options;
    let next = clock.monotonic() + PROBE_EVERY_MS;
    for (const { until } of this.#held.values()) next = Math.min(next, until);
    this.#timer = clock.after(Math.max(0, next - clock.monotonic()), () => {
      this.#timer = undefined;
      for (const held of this.#held.values())
        if (held.until <= clock.monotonic()) this.#release(held, 'held long enough');
      void this.#round();
      this.#schedule();
    });
  }

  async #round(): Promise<void> {
    if (this.#inRound) return;
    this.#inRound = true;
    const all = [...this.#held.values()];
    await Promise.all(all.filter(({ settled }) => settled).map((held) => this.#probeAgain(held)));
    this.#inRound = false;
  }

  async #probeAgain(held: Held): Promise<void> {
    const passes = await this.#probe(held, { first: false });
    if (passes && held.shown === undefined) this.#show(held, held.stale);
  }

  #fail(held: Held, reason: ReleaseReason): void {
    if (held.stale.held?.reason !== 'cold start') this.#release(held, reason);
    else if (this.#isCurrent(held) && held.shown !== undefined) {
      this.#options.onRelease(held.service, held.shown, reason);
      this.#show(held, undefined);
    }
  }

  #show(held: Held, shown: Endpoint | undefined): void {
    if (!this.#isCurrent(held) || held.shown === shown) return;
    held.shown = shown;
    this.#options.onChange(held.service);
  }

  #release(held: Held, reason: ReleaseReason): void {
    if (!this.#isCurrent(held)) return;
    const { service, endpoint, shown } = held;
    this.#held.delete(service, endpoint.address);
    this.#options.onRelease(service, shown ?? endpoint, reason);
    if (shown !== undefined) this.#options.onChange(service);
  }

  #isCurrent(held: Held): boolean {
    return this.#held.get(held.service, held.endpoint.address) === held;
  }
}
