import type { Clock, Timer } from '../core/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import { type Candidate, type EndpointLoad, newLoad } from '../core/load.js';
import type { ServicePolicy } from '../core/route.js';
import type { Turn } from '../core/turn.js';
import type { ConnectionOwner, UpstreamConnection, UpstreamFailure } from '../upstream/connection.js';
import { Http1Connection } from '../upstream/http1-connection.js';
import { UndiciConnection } from '../upstream/undici-connection.js';
import { EndpointSessions } from './grpc/endpoint-sessions.js';

export interface PoolTools {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly allows: (ip: string) => boolean;
  readonly maxResponseHead: number;
}

/** What a request needs of its connection. */
export interface Wanted {
  /** One that has carried no request yet. */
  readonly fresh: boolean;
  readonly websocket: boolean;
}

/** Told once: a connection, or undefined when the pool will never have one. */
type Grant = (connection: UpstreamConnection | undefined) => void;

interface Waiter {
  readonly wanted: Wanted;
  readonly grant: Grant;
}

const SWEEP_EVERY_MS = 1000;

/**
 * The connections to one endpoint: a stack of idle ones, the last used first, so that the rest may
 * age and close. undici's own `Pool` is not used: its queue is unbounded and outside every timeout,
 * and a request that it refuses costs it a slot for good.
 */
export class EndpointPool implements Candidate, ConnectionOwner {
  readonly load: EndpointLoad = newLoad();
  /** Share of the registered weight that it gets now, above 0 and up to 1. */
  warmth = 1;
  readonly #tools: PoolTools;
  readonly #idle: UpstreamConnection[] = [];
  /** Made with the first connection: of thousands of endpoints, most never have one. */
  #open: Set<UpstreamConnection> | undefined;
  readonly #waiters: Waiter[] = [];
  #policy: ServicePolicy;
  #endpoint: Endpoint;
  #sessions: EndpointSessions | undefined;
  #retired = false;
  #sweep: Timer | undefined;

  constructor(endpoint: Endpoint, policy: ServicePolicy, tools: PoolTools) {
    this.#endpoint = endpoint;
    this.#policy = policy;
    this.#tools = tools;
  }

  /** Its HTTP/2 connections, for calls of gRPC; made when first asked for. */
  get sessions(): EndpointSessions {
    this.#sessions ??= new EndpointSessions({
      clock: this.#tools.clock,
      allows: this.#tools.allows,
      endpoint: () => this.#endpoint,
      policy: () => this.#policy,
    });
    return this.#sessions;
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  get weight(): number {
    return this.#endpoint.weight * this.warmth;
  }

  /** What `acquire` would give now; `waits` and `full` when all are busy, by whether there is a place to wait. */
  get outlook(): 'idle' | 'new' | 'waits' | 'full' {
    if (this.#idle.length > 0) return 'idle';
    if (this.#mayOpen) return 'new';
    return this.#waiters.length < this.#policy.maxWaiting ? 'waits' : 'full';
  }

  /** Takes a newer registration of the same address, or a newer policy. */
  update(endpoint: Endpoint, policy: ServicePolicy): void {
    this.#endpoint = endpoint;
    this.#policy = policy;
  }

  /** An idle connection or a new one; undefined when all are busy and no more may be opened. */
  acquire(wanted: Wanted): UpstreamConnection | undefined {
    const idle = mustBeNew(wanted) ? undefined : this.#takeIdle();
    if (idle !== undefined) return idle;
    if (this.#mayOpen) return this.#connect(wanted.websocket);
    const oldest = this.#idle[0];
    if (oldest === undefined) return undefined;
    this.discard(oldest);
    return this.#connect(wanted.websocket);
  }

  /**
   * Waits for a connection, first come first served. Returns the function that gives up waiting;
   * undefined when the queue is full.
   */
  wait(wanted: Wanted, grant: Grant): (() => void) | undefined {
    if (this.#waiters.length >= this.#policy.maxWaiting) return undefined;
    const waiter = { wanted, grant };
    this.#waiters.push(waiter);
    return () => {
      const place = this.#waiters.indexOf(waiter);
      if (place >= 0) this.#waiters.splice(place, 1);
    };
  }

  onIdle(connection: UpstreamConnection): void {
    if (this.#open?.has(connection) !== true) return;
    connection.longLived = false;
    const next = this.#waiters[0];
    if (next !== undefined && !mustBeNew(next.wanted)) {
      this.#waiters.shift();
      next.grant(connection);
      // Whoever waits for a new connection gets the place of this one.
    } else if (next !== undefined || this.#retired) this.discard(connection);
    else {
      this.#idle.push(connection);
      if (this.#sweep === undefined) this.#sweepLater();
    }
  }

  onClosed(connection: UpstreamConnection): void {
    this.discard(connection);
  }

  /** Closes a connection whose exchange did not complete. With a failure, the exchange is told. */
  discard(connection: UpstreamConnection, failure?: UpstreamFailure): void {
    if (this.#open?.delete(connection) !== true) return;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    connection.closeTunnel?.();
    connection.destroy(failure);
    const next = this.#waiters.shift();
    next?.grant(this.#connect(next.wanted.websocket));
  }

  /** Closes idle connections now and busy ones as they finish. */
  retire(): void {
    this.#retired = true;
    this.#sessions?.retire();
    for (const connection of [...this.#idle]) this.discard(connection);
  }

  /** The endpoint came back before it was gone. */
  revive(): void {
    this.#retired = false;
  }

  /** Breaks off what should have ended by now. Whether long-lived connections are left. */
  breakOffShort(): boolean {
    this.#dismissWaiters();
    for (const connection of this.#opened()) if (!connection.longLived) this.discard(connection, 'reset');
    const streaming = this.#sessions?.breakOffShort() ?? false;
    return this.#openCount > 0 || streaming;
  }

  /** Breaks off whatever is left. */
  destroy(): void {
    this.#retired = true;
    this.#sweep?.cancel();
    this.#sessions?.destroy();
    this.#dismissWaiters();
    for (const connection of this.#opened()) this.discard(connection, 'reset');
  }

  #dismissWaiters(): void {
    for (const { grant } of this.#waiters.splice(0)) grant(undefined);
  }

  get #openCount(): number {
    return this.#open?.size ?? 0;
  }

  get #mayOpen(): boolean {
    return this.#openCount < this.#policy.maxConnections;
  }

  #opened(): readonly UpstreamConnection[] {
    return [...(this.#open ?? [])];
  }

  /** The one used last, since the rest are older still. */
  #takeIdle(): UpstreamConnection | undefined {
    const connection = this.#idle.pop();
    if (connection === undefined || connection.idleUntil > this.#tools.clock.monotonic()) return connection;
    this.discard(connection);
    return undefined;
  }

  /** Closes connections that have been idle for too long: in a while, one timer for all of them. */
  #sweepLater(): void {
    const { clock } = this.#tools;
    this.#sweep = clock.after(SWEEP_EVERY_MS, () => {
      this.#sweep = undefined;
      const now = clock.monotonic();
      for (const connection of [...this.#idle]) if (connection.idleUntil <= now) this.discard(connection);
      if (this.#idle.length > 0) this.#sweepLater();
    });
  }

  #connect(websocket: boolean): UpstreamConnection {
    const { clock, turn, allows, maxResponseHead } = this.#tools;
    const { host, port } = this.#endpoint;
    const options = {
      host,
      port,
      clock,
      turn,
      allows,
      timeoutMs: () => this.#policy.connectTimeout,
      owner: this,
      keepAliveMs: this.#policy.keepAlive,
      maxHead: maxResponseHead,
    };
    const builtIn = this.#policy.client === 'built-in' && !websocket;
    const connection = builtIn ? new Http1Connection(options) : new UndiciConnection(options);
    this.#open ??= new Set();
    this.#open.add(connection);
    return connection;
  }
}

/** Of the two clients only undici knows upgrades, and what is upgraded is never used again. */
function mustBeNew({ fresh, websocket }: Wanted): boolean {
  return fresh || websocket;
}
