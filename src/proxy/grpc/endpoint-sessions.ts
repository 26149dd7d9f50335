import type { Clock, Timer } from '../../core/clock.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { ServicePolicy } from '../../core/route.js';
import {
  type SessionEntrant,
  type SessionFailure,
  type SessionWaiter,
  SharedSession,
} from './shared-session.js';

export interface EndpointSessionsOptions {
  readonly endpoint: () => Endpoint;
  readonly policy: () => ServicePolicy;
  readonly clock: Clock;
  readonly allows: (ip: string) => boolean;
}

/** A stream under way, as far as the end of its endpoint concerns it. */
export interface HeldStream {
  /** It has been answered, and goes on; such seldom end by themselves. */
  readonly longLived: boolean;
  breakOff(): void;
}

/**
 * The HTTP/2 connections to one endpoint. Streams fill the oldest that has room, so that the rest may idle and
 * close; another is opened when all are full, up to `maxConnections`. Beyond that they wait, in a bounded queue.
 */
export class EndpointSessions {
  readonly #options: EndpointSessionsOptions;
  readonly #sessions = new Set<SharedSession>();
  /** Take no more streams and have some left. */
  readonly #ending = new Set<SharedSession>();
  readonly #queue = new Set<Entrant>();
  readonly #held = new Set<HeldStream>();

  constructor(options: EndpointSessionsOptions) {
    this.#options = options;
  }

  /** Asks for a place for one stream. Returns the function that gives up waiting; undefined when the queue is full. */
  enter(waiter: SessionWaiter): (() => void) | undefined {
    const entrant = new Entrant(waiter, () => {
      if (!this.#place(entrant)) entrant.onFailed('busy');
    });
    if (!this.#place(entrant)) return undefined;
    return () => {
      this.#queue.delete(entrant);
      entrant.giveUp();
    };
  }

  hold(stream: HeldStream): void {
    this.#held.add(stream);
  }

  release(stream: HeldStream): void {
    this.#held.delete(stream);
  }

  /** Closes idle connections now and the others when their streams have finished. */
  retire(): void {
    for (const session of [...this.#sessions]) session.retire();
  }

  /** Breaks off what should have ended by now. Whether long-lived streams are left. */
  breakOffShort(): boolean {
    for (const stream of [...this.#held]) if (!stream.longLived) stream.breakOff();
    return this.#held.size > 0;
  }

  /** Breaks off whatever is left. */
  destroy(): void {
    for (const stream of [...this.#held]) stream.breakOff();
    const entrants = [...this.#queue];
    this.#queue.clear();
    for (const entrant of entrants) entrant.onFailed('refused');
    for (const session of [...this.#sessions, ...this.#ending]) session.destroy();
    this.#ending.clear();
  }

  /** At a session, or in the queue; false when both are full. */
  #place(entrant: Entrant): boolean {
    const { maxWaiting, queueTimeout } = this.#options.policy();
    const session = this.#withRoom();
    if (session !== undefined) entrant.enter(session);
    else if (this.#queue.size >= maxWaiting) return false;
    else {
      this.#queue.add(entrant);
      entrant.limit = this.#options.clock.after(queueTimeout, () => {
        this.#queue.delete(entrant);
        entrant.onFailed('busy');
      });
    }
    return true;
  }

  /** A session that takes one more stream, a new one if need be; undefined when all are full. */
  #withRoom(): SharedSession | undefined {
    for (const session of this.#sessions) if (session.hasRoom) return session;
    return this.#sessions.size < this.#options.policy().maxConnections ? this.#connect() : undefined;
  }

  #connect(): SharedSession {
    const { endpoint, policy, clock, allows } = this.#options;
    const session = new SharedSession({
      endpoint: endpoint(),
      clock,
      allows,
      connectTimeout: policy().connectTimeout,
      keepAlive: () => policy().keepAlive,
      onChange: (changed) => this.#changed(changed),
    });
    this.#sessions.add(session);
    return session;
  }

  #changed(session: SharedSession): void {
    if (session.ended) {
      this.#sessions.delete(session);
      if (session.idle) this.#ending.delete(session);
      else this.#ending.add(session);
    }
    for (const entrant of this.#queue) {
      const free = this.#withRoom();
      if (free === undefined) return;
      this.#queue.delete(entrant);
      entrant.enter(free);
    }
  }
}

/** Who wants a place: in the queue, then at a session. */
class Entrant implements SessionEntrant {
  limit: Timer | undefined;
  readonly onFull: () => void;
  readonly #waiter: SessionWaiter;
  #session: SharedSession | undefined;

  constructor(waiter: SessionWaiter, onFull: () => void) {
    this.#waiter = waiter;
    this.onFull = onFull;
  }

  enter(session: SharedSession): void {
    this.limit?.cancel();
    this.#session = session;
    session.enter(this);
  }

  onSession(session: SharedSession): void {
    this.#waiter.onSession(session);
  }

  onFailed(failure: SessionFailure): void {
    this.limit?.cancel();
    this.#waiter.onFailed(failure);
  }

  giveUp(): void {
    this.limit?.cancel();
    this.#session?.giveUp(this);
  }
}
