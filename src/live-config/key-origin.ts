import type { ConfigOrigin, FollowOptions, OriginFollowing } from '../config/origin.js';
import { type Clock, systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { SourceEvent } from '../core/events.js';
import { type Random, systemRandom } from '../core/random.js';
import type { KeyLocation } from './key-location.js';
import { textAt } from './value-text.js';
import { type KeysListener, WatchedKeys } from './watched-keys.js';

export interface KeyOriginOptions {
  readonly location: KeyLocation;
  /** Told in one line why the registry cannot be read yet; it is asked again until it can. */
  readonly waiting: (reason: string) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** As events about the place of the configuration call it, beside the registries of services. */
const SOURCE = 'configuration';

/**
 * A routes.yaml in a key of etcd. One watch serves from the first read on: what is read is the live copy, and
 * only while the registry answers, so that nobody takes an old text for the one that is there now.
 */
export class KeyOrigin implements ConfigOrigin {
  readonly name: string;
  readonly #location: KeyLocation;
  readonly #keys: WatchedKeys;
  readonly #waiting: (reason: string) => void;
  #follower: FollowOptions | undefined;
  /** A read failed for an outage; when that is over, there may be something to take. */
  #missed = false;

  private constructor({ location, waiting, clock = systemClock, random = systemRandom }: KeyOriginOptions) {
    this.name = location.name;
    this.#location = location;
    this.#waiting = waiting;
    this.#keys = new WatchedKeys({ location, clock, random, listener: this.#listener() });
  }

  /**
   * Waits until the registry has answered. Throws REGISTRY_DENIED when it refuses, and REGISTRY_UNAVAILABLE when
   * the waiting is ended. Whether the key is there is another question.
   */
  static async open(options: KeyOriginOptions): Promise<KeyOrigin> {
    const origin = new KeyOrigin(options);
    try {
      await origin.#keys.open(options.signal);
      return origin;
    } catch (error) {
      await origin.close();
      throw error;
    }
  }

  async read(): Promise<string> {
    const { outage, snapshot } = this.#keys;
    if (outage !== undefined || snapshot === undefined) {
      this.#missed = true;
      throw new WatchgateError('REGISTRY_UNAVAILABLE', `cannot read ${this.name}: ${outage}`);
    }
    this.#missed = false;
    return textAt(snapshot, this.#location);
  }

  follow(options: FollowOptions): OriginFollowing {
    this.#follower = options;
    const close = (): void => {
      this.#follower = undefined;
    };
    return { ready: Promise.resolve(), forget: () => {}, close };
  }

  /** Ends the watch. Idempotent. */
  async close(): Promise<void> {
    await this.#keys.close();
  }

  #listener(): KeysListener {
    return {
      changed: () => this.#follower?.onChange(),
      connected: (member) => {
        this.#tell('connected', member);
        if (this.#missed) this.#follower?.onChange();
      },
      disconnected: (reason) => this.#tell('disconnected', reason),
      fault: (error) => {
        this.#tell('fault', error.message);
        if (this.#keys.snapshot !== undefined || error.fault === 'refused') return;
        this.#waiting(`cannot read ${this.name}: ${error.message}; trying again`);
      },
    };
  }

  #tell(kind: SourceEvent['kind'], detail: string): void {
    if (this.#follower === undefined) return;
    const { announce, clock } = this.#follower;
    announce('source', { at: clock.now(), source: SOURCE, kind, detail });
  }
}
