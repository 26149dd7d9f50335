import type { Clock } from '../core/clock.js';
import { EventHub, type SourceEvent } from '../core/events.js';
import type { Random } from '../core/random.js';
import { GuardedSource } from '../discovery/guard.js';
import type { Source } from '../discovery/source.js';
import { type Resolution, resolutionOf } from './resolution.js';
import type { Following } from './sources.js';
import { acceptsConnections } from './tcp-probe.js';

export interface SharedSourcesOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds. */
  readonly staleTtl: number;
  readonly onEvent: (event: SourceEvent) => void;
}

interface Shared {
  readonly source: Source;
  readonly followers: Set<() => void>;
}

type Listener = (resolution: Resolution) => void;

const PROBE_WITHIN_MS = 1_000;

/** The sources behind all channels of a process: each is opened for the first channel and closed after the last. */
export class SharedSources {
  readonly #options: SharedSourcesOptions;
  readonly #shared = new Map<string, Shared>();
  readonly #closing = new Set<Promise<void>>();
  #closed = false;

  constructor(options: SharedSourcesOptions) {
    this.#options = options;
  }

  /** How many are open. */
  get size(): number {
    return this.#shared.size;
  }

  /** Tells what is known, and each change, on later turns of the event loop. Answers how to stop it. */
  follow(following: Following, listener: Listener): () => void {
    const { service } = following;
    const shared = this.#closed ? undefined : this.#get(following);
    let pending: NodeJS.Immediate | undefined;
    const tellSoon = (): void => {
      pending ??= setImmediate(() => {
        pending = undefined;
        const resolution = this.#closed ? CLOSED : shared && resolutionOf(shared.source, service);
        if (resolution !== undefined) listener(resolution);
      });
    };
    shared?.followers.add(tellSoon);
    tellSoon();
    return () => {
      clearImmediate(pending);
      if (shared?.followers.delete(tellSoon) && shared.followers.size === 0) this.#drop(following.id, shared);
    };
  }

  /** Closes every source, and tells those who followed. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [id, shared] of [...this.#shared]) {
      for (const tellSoon of shared.followers) tellSoon();
      this.#drop(id, shared);
    }
    await Promise.all(this.#closing);
  }

  #get(following: Following): Shared {
    const existing = this.#shared.get(following.id);
    if (existing !== undefined) return existing;
    const followers = new Set<() => void>();
    const tellAll = (): void => {
      for (const tellSoon of followers) tellSoon();
    };
    const source = this.#open(following, tellAll);
    const shared: Shared = { source, followers };
    this.#shared.set(following.id, shared);
    source.subscribe(tellAll);
    source.start();
    return shared;
  }

  /** The guard is the gateway's: what a registry loses all at once is asked itself before it is let go. */
  #open(following: Following, changed: () => void): Source {
    const { clock, staleTtl, onEvent } = this.#options;
    const hub = new EventHub();
    hub.on('source', (event) => {
      // Before the first list a fault is all that there is to tell.
      changed();
      onEvent(event);
    });
    const { announce } = hub;
    return new GuardedSource({
      source: following.open({ ...this.#options, announce }),
      clock,
      announce,
      probe: (_, endpoint) => acceptsConnections(endpoint, PROBE_WITHIN_MS, clock),
      staleTtl,
    });
  }

  #drop(id: string, shared: Shared): void {
    if (this.#shared.get(id) === shared) this.#shared.delete(id);
    const closing = shared.source.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

const CLOSED: Resolution = { failure: 'the resolvers of this process were closed', empty: false };
