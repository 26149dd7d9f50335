import type { Clock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import { EtcdRegistryClient } from '../discovery/etcd/client.js';
import { Reflector, type ReflectorListener, type ReflectorState } from '../discovery/reflector.js';
import type { RegistryError, RegistryEvent } from '../discovery/registry-client.js';
import { EtcdMembers } from '../etcd/members.js';
import { type KeyLocation, rangeAt } from './key-location.js';

/** What the keys held at one moment. */
export interface KeysSnapshot {
  /** Of the registry. */
  readonly revision: bigint;
  /** By whole key, in the order of the keys; empty when there are none. */
  readonly values: ReadonlyMap<string, string>;
}

/** Called synchronously; must not throw. */
export interface KeysListener {
  /** The first complete view, and each one after it that differs. A burst of changes makes one. */
  readonly changed: (snapshot: KeysSnapshot) => void;
  readonly connected: (member: string) => void;
  readonly disconnected: (reason: string) => void;
  /** A call failed and is repeated. Told once, until the reason is another. */
  readonly fault: (error: RegistryError) => void;
}

export interface WatchedKeysOptions {
  readonly location: KeyLocation;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: KeysListener;
}

/** A live copy of one key, or of all keys below a prefix. What it holds outlives any outage. */
export class WatchedKeys {
  readonly #name: string;
  readonly #listener: KeysListener;
  readonly #reflector: Reflector;
  readonly #values = new Map<string, string>();
  #snapshot: KeysSnapshot | undefined;
  #revision = 0n;
  #flush: NodeJS.Immediate | undefined;
  /** Why the copy may be out of date; undefined while the registry answers. */
  #outage: string | undefined;
  /** Settles what waits for the first view. */
  #first: ((refusal?: RegistryError) => void) | undefined;

  constructor({ location, clock, random, listener }: WatchedKeysOptions) {
    this.#name = location.name;
    this.#listener = listener;
    const members = new EtcdMembers({ ...location.etcd, clock, random });
    const client = new EtcdRegistryClient(members, rangeAt(location));
    this.#reflector = new Reflector({ client, clock, random, listener: this.#reflected() });
  }

  /**
   * Starts to watch, and waits for the first complete view. Rejects with REGISTRY_DENIED when the registry
   * refuses before, and with REGISTRY_UNAVAILABLE once `signal` aborts. The watch goes on, until it is closed.
   */
  async open(signal?: AbortSignal): Promise<KeysSnapshot> {
    const refusal = await new Promise<RegistryError | undefined>((resolve) => {
      this.#first = resolve;
      signal?.addEventListener('abort', () => resolve(undefined), { once: true });
      this.#reflector.start();
    });
    this.#first = undefined;
    if (this.#snapshot !== undefined) return this.#snapshot;
    const code = refusal === undefined ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_DENIED';
    const reason = refusal?.message ?? this.#outage ?? 'the registry has not answered';
    throw new WatchgateError(code, `cannot read ${this.#name}: ${reason}`, { cause: refusal });
  }

  /** Undefined before the first complete view. */
  get snapshot(): KeysSnapshot | undefined {
    return this.#snapshot;
  }

  get outage(): string | undefined {
    return this.#outage;
  }

  state(): ReflectorState {
    return this.#reflector.state();
  }

  async close(): Promise<void> {
    clearImmediate(this.#flush);
    await this.#reflector.close();
  }

  #reflected(): ReflectorListener {
    return {
      changes: (changes, origin, revision) => this.#take(changes, origin === 'list', revision),
      connected: (member) => {
        this.#outage = undefined;
        this.#listener.connected(member);
      },
      disconnected: (error) => {
        this.#outage = error?.message ?? 'the watch ended';
        this.#listener.disconnected(this.#outage);
      },
      fault: (error) => {
        // A place in history that is gone is no outage: a list follows at once.
        if (error.fault === 'compacted' || error.message === this.#outage) return;
        this.#outage = error.message;
        this.#listener.fault(error);
        if (error.fault === 'refused') this.#first?.(error);
      },
      relisted: () => {},
      drift: () => {},
    };
  }

  #take(changes: readonly RegistryEvent[], listed: boolean, revision: bigint): void {
    for (const change of changes) {
      if (change.type === 'put') this.#values.set(change.entry.key, change.entry.value);
      else this.#values.delete(change.key);
    }
    this.#revision = revision;
    if (listed) this.#outage = undefined;
    if (changes.length === 0 && this.#snapshot !== undefined) return;
    this.#flush ??= setImmediate(() => this.#publish());
  }

  #publish(): void {
    this.#flush = undefined;
    const sorted = [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
    this.#snapshot = { revision: this.#revision, values: new Map(sorted) };
    this.#listener.changed(this.#snapshot);
    this.#first?.();
  }
}
