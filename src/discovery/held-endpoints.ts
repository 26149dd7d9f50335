import { type Clock, delay, type Timer } from '../core/clock.js';
import { type Endpoint, type EndpointSet, endpointSet, type HoldReason } from '../core/endpoint.js';
import type { Doubt } from './guard-policy.js';
import { Slots } from './slots.js';
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

/** Why and how an endpoint is to be held. */
export interface HoldOrder {
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
  /** As it is in the set of its service; undefined while it is in none. */
  shown: Endpoint | undefined;
  /** The first probe is over, and who owns it was asked. */
  settled: boolean;
  readonly expiry: Timer | undefined;
}

const PROBE_EVERY_MS = 1_000;
/** How long an answer about the lease is waited for before the endpoint counts as held. */
const LEASE_PATIENCE_MS = 1_000;
/** A registry that lost thousands of endpoints must not cost thousands of connections at once. */
const PROBES_AT_ONCE = 256;
/** Nor ask an etcd that is in trouble thousands of things. */
const QUESTIONS_AT_ONCE = 16;

/**
 * Endpoints that are not listed and may yet be alive. Each is probed at once and then every second,
 * and is used only while it passes; the first failure lets go of it. One from a cold start is kept
 * instead, unused, until it passes or the registry has spoken: it may be starting as we are.
 */
export class HeldEndpoints {
  readonly #options: HeldEndpointsOptions;
  readonly #held = new Map<string, Map<string, Held>>();
  readonly #probes = new Slots(PROBES_AT_ONCE);
  readonly #questions = new Slots(QUESTIONS_AT_ONCE);
  #timer: Timer | undefined;
  #probing = false;
  #closed = false;

  constructor(options: HeldEndpointsOptions) {
    this.#options = options;
  }

  /** Those that are in use, under a service. */
  of(service: string): Endpoint[] {
    const shown: Endpoint[] = [];
    for (const held of this.#held.get(service)?.values() ?? []) if (held.shown) shown.push(held.shown);
    return shown;
  }

  /** Whether none is held. */
  get empty(): boolean {
    return this.#held.size === 0;
  }

  /** Services of which any is held. */
  services(): Iterable<string> {
    return this.#held.keys();
  }

  has(service: string, address: string): boolean {
    return this.#held.get(service)?.has(address) ?? false;
  }

  /** Holds an endpoint from now on, if a probe finds it alive and its owner did not delete it. */
  hold(service: string, endpoint: Endpoint, order: HoldOrder): void {
    const held = this.#add(service, endpoint, order.reason, order.shown);
    void this.#question(held, order.lease);
  }

  /** Resolves once the endpoint has been probed for the first time. */
  async holdCold(service: string, endpoint: Endpoint): Promise<void> {
    const held = this.#add(service, endpoint, 'cold start', undefined);
    const passes = await this.#probe(held);
    held.settled = true;
    if (passes) this.#show(held, held.stale);
  }

  /** Forgets an endpoint without a word, because it is listed again. */
  forget(service: string, address: string): void {
    const held = this.#held.get(service)?.get(address);
    if (held !== undefined) this.#remove(held);
  }

  /** Lets go of every endpoint from the cold start; answers those that were in use. */
  endColdStart(): Map<string, EndpointSet> {
    const sets = new Map<string, EndpointSet>();
    for (const service of this.#held.keys()) {
      const shown = this.of(service);
      if (shown.length > 0) sets.set(service, endpointSet(service, shown));
    }
    this.#held.clear();
    return sets;
  }

  /** A request could not connect. */
  reportDead(service: string, address: string): void {
    const held = this.#held.get(service)?.get(address);
    if (held !== undefined) this.#fail(held, 'a request could not connect');
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const ofService of this.#held.values())
      for (const { expiry } of ofService.values()) expiry?.cancel();
    this.#held.clear();
  }

  #add(service: string, endpoint: Endpoint, reason: HoldReason, shown: Endpoint | undefined): Held {
    const { clock, staleTtl } = this.#options;
    const stale: Endpoint = { ...endpoint, standing: 'stale', held: { reason, since: clock.now() } };
    const expiry =
      reason === 'cold start'
        ? undefined
        : clock.after(staleTtl, () => this.#release(held, 'held long enough'));
    const held: Held = { service, endpoint, stale, shown, settled: false, expiry };
    const ofService = this.#held.get(service) ?? new Map<string, Held>();
    this.#held.set(service, ofService.set(endpoint.address, held));
    this.#schedule();
    return held;
  }

  /** Nobody is told that it is held before it has proved to be alive and to have an owner that did not delete it. */
  async #question(held: Held, lease: string | undefined): Promise<void> {
    const [passes] = await Promise.all([this.#probeOnce(held), this.#askOwner(held, lease)]);
    held.settled = true;
    if (passes) this.#show(held, held.stale);
  }

  async #probeOnce(held: Held): Promise<boolean> {
    const passes = await this.#probe(held);
    if (!passes) this.#fail(held, 'a probe failed');
    return passes;
  }

  /** An answer that comes late still counts. Without an answer there is no evidence. */
  async #askOwner(held: Held, lease: string | undefined): Promise<void> {
    if (lease === undefined) return;
    const patience = new AbortController();
    const ask = async (): Promise<void> => {
      if (!this.#isCurrent(held)) return;
      const lives = await this.#options.leaseLives(lease).catch(() => false);
      if (lives) this.#release(held, 'its owner deleted it');
    };
    const asked = this.#questions.run(ask).finally(() => patience.abort());
    await Promise.race([asked, delay(this.#options.clock, LEASE_PATIENCE_MS, patience.signal)]);
  }

  #probe({ service, endpoint }: Held): Promise<boolean> {
    return this.#probes.run(() => this.#options.probe(service, endpoint));
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#probing || this.#closed || this.#held.size === 0) return;
    this.#timer = this.#options.clock.after(PROBE_EVERY_MS, () => {
      this.#timer = undefined;
      void this.#round();
    });
  }

  async #round(): Promise<void> {
    this.#probing = true;
    const all = [...this.#held.values()].flatMap((ofService) => [...ofService.values()]);
    await Promise.all(all.filter(({ settled }) => settled).map((held) => this.#probeAgain(held)));
    this.#probing = false;
    this.#schedule();
  }

  async #probeAgain(held: Held): Promise<void> {
    if (!(await this.#probe(held))) this.#fail(held, 'a probe failed');
    else if (held.shown === undefined) this.#show(held, held.stale);
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
    this.#remove(held);
    const { service, endpoint, shown } = held;
    this.#options.onRelease(service, shown ?? endpoint, reason);
    if (shown !== undefined) this.#options.onChange(service);
  }

  #remove({ service, endpoint, expiry }: Held): void {
    expiry?.cancel();
    const ofService = this.#held.get(service);
    ofService?.delete(endpoint.address);
    if (ofService?.size === 0) this.#held.delete(service);
  }

  #isCurrent(held: Held): boolean {
    return this.#held.get(held.service)?.get(held.endpoint.address) === held;
  }
}
