import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../core/clock.js';
import { messageOf, WatchgateError } from '../core/errors.js';
import { type Random, systemRandom } from '../core/random.js';
import { readDocument } from './document.js';
import { type EtcdLocation, type KeyLocation, keyLocation } from './key-location.js';
import { type ValueSchema, validate } from './value-schema.js';
import { type KeysListener, type KeysSnapshot, WatchedKeys } from './watched-keys.js';

export type { EtcdLocation } from './key-location.js';
export type { StandardSchema, ValueSchema } from './value-schema.js';

export interface WatchConfigOptions<T> {
  /** `etcd://[user:password@]host:port[,host:port…]`, `etcds://` for TLS; or its parts. */
  readonly registry: string | EtcdLocation;
  /**
   * A key that holds YAML or JSON; or with a slash at its end all keys below it, which make one map: of `/app/`,
   * the key `/app/db/host` is `db.host`.
   */
  readonly key: string;
  /** Any schema of zod, valibot, arktype or another library of Standard Schema, or a function that throws. */
  readonly schema: ValueSchema<T>;
  /** The value until there is a good one in the registry. Absent: `watchConfig` rejects without one. */
  readonly fallback?: T;
  /** How long to wait for the registry at first, in milliseconds; 10,000 when absent. */
  readonly patienceMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface LiveConfigEvents<T> {
  /** Another value is in force. Never for one that is equal. */
  change: [value: T, previous: T];
  /** What the registry has now is not taken, and why, with its place; the last good value stays. */
  refused: [errors: readonly string[]];
  connected: [];
  /** The registry does not answer; it is asked again without end. Once for each reason. */
  disconnected: [reason: string];
}

export interface LiveConfigState {
  /** Whether the value came from the registry; else it is the fallback. */
  readonly fromRegistry: boolean;
  readonly connected: boolean;
  /** Of the registry; empty before its first answer. */
  readonly revision: string;
  /** Since the registry last confirmed that nothing is missing, in milliseconds; null before its first answer. */
  readonly confirmedMsAgo: number | null;
  /** Why the value is not what the registry has; empty when it is. */
  readonly errors: readonly string[];
}

/** A value that follows a key, or a prefix, for as long as it is open. */
export class LiveConfig<T> extends EventEmitter<LiveConfigEvents<T>> {
  readonly #location: KeyLocation;
  readonly #schema: ValueSchema<T>;
  readonly #keys: WatchedKeys;
  #held: { readonly value: T; readonly fromRegistry: boolean } | undefined;
  /** Why the newest value was not taken. */
  #refusal: WatchgateError | undefined;
  #newest: KeysSnapshot | undefined;
  #taking: Promise<void> | undefined;

  /** Use `watchConfig`. */
  constructor({
    registry,
    key,
    schema,
    clock = systemClock,
    random = systemRandom,
    ...more
  }: WatchConfigOptions<T>) {
    super();
    this.#location = keyLocation(registry, key);
    this.#schema = schema;
    if (more.fallback !== undefined) this.#held = { value: more.fallback, fromRegistry: false };
    this.#keys = new WatchedKeys({ location: this.#location, clock, random, listener: this.#listener() });
  }

  /** The last good value. */
  get value(): T {
    if (this.#held === undefined) throw new Error('there is no value yet: await watchConfig');
    return this.#held.value;
  }

  state(): LiveConfigState {
    const { connected, confirmedMsAgo } = this.#keys.state();
    const { outage, snapshot } = this.#keys;
    const away = outage === undefined ? [] : [`cannot read ${this.#location.name}: ${outage}`];
    return {
      fromRegistry: this.#held?.fromRegistry ?? false,
      connected,
      revision: snapshot === undefined ? '' : String(snapshot.revision),
      confirmedMsAgo: confirmedMsAgo ?? null,
      errors: [...(this.#refusal?.message.split('\n') ?? []), ...away],
    };
  }

  /** For `watchConfig`. Rejects when there is no value to begin with. */
  async open(signal: AbortSignal): Promise<void> {
    try {
      await this.#keys.open(signal);
      await this.#taking;
    } catch (error) {
      if (this.#held === undefined) throw error;
    }
    if (this.#held === undefined) throw this.#refusal;
  }

  /** Ends the watch. Idempotent; the value stays. */
  async close(): Promise<void> {
    this.#newest = undefined;
    await this.#keys.close();
    await this.#taking;
  }

  #listener(): KeysListener {
    return {
      changed: (snapshot) => {
        this.#newest = snapshot;
        this.#taking ??= this.#takeNewest();
      },
      connected: () => this.#announce(() => this.emit('connected')),
      disconnected: (reason) => this.#announce(() => this.emit('disconnected', reason)),
      fault: ({ message }) => this.#announce(() => this.emit('disconnected', message)),
    };
  }

  /** One at a time, and of those that came meanwhile only the newest. */
  async #takeNewest(): Promise<void> {
    while (this.#newest !== undefined) {
      const snapshot = this.#newest;
      this.#newest = undefined;
      await this.#take(snapshot);
    }
    this.#taking = undefined;
  }

  async #take(snapshot: KeysSnapshot): Promise<void> {
    try {
      const document = readDocument(snapshot, this.#location);
      const result = await validate(this.#schema, document.value);
      if ('value' in result) this.#accept(result.value);
      else throw invalid(result.issues.map(({ path, message }) => document.problem(path, message)));
    } catch (error) {
      this.#refuse(error instanceof WatchgateError ? error : invalid([messageOf(error)]));
    }
  }

  #accept(value: T): void {
    const before = this.#held;
    this.#refusal = undefined;
    if (before !== undefined && isDeepStrictEqual(before.value, value)) {
      this.#held = { value: before.value, fromRegistry: true };
      return;
    }
    this.#held = { value, fromRegistry: true };
    if (before !== undefined) this.#announce(() => this.emit('change', value, before.value));
  }

  #refuse(refusal: WatchgateError): void {
    this.#refusal = refusal;
    this.#announce(() => this.emit('refused', refusal.message.split('\n')));
  }

  /** On a turn of its own: a listener that throws must not break the watch. */
  #announce(emit: () => void): void {
    queueMicrotask(emit);
  }
}

function invalid(lines: readonly string[]): WatchgateError {
  return new WatchgateError('CONFIG_INVALID', lines.join('\n'));
}

const PATIENCE_MS = 10_000;

/**
 * Settings of a service, live from etcd. Resolves with the first good value, or the fallback; from then on
 * `value` is the newest good one, through outages, mistakes and deleted keys, until `close`.
 *
 * Rejects without a fallback: REGISTRY_UNAVAILABLE, REGISTRY_DENIED, KEY_MISSING, or CONFIG_INVALID with a line
 * for each mistake. Throws REGISTRY_URL for options that make no sense.
 */
export async function watchConfig<T>(options: WatchConfigOptions<T>): Promise<LiveConfig<T>> {
  const config = new LiveConfig(options);
  const patience = new AbortController();
  // Keeps the process alive too: while the registry is away there is no socket that would.
  const timer = setTimeout(() => patience.abort(), options.patienceMs ?? PATIENCE_MS);
  try {
    await config.open(patience.signal);
    return config;
  } catch (error) {
    await config.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
