import { Client } from 'undici';
import type { Clock } from '../core/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import { type Candidate, type EndpointLoad, newLoad } from '../core/load.js';
import type { ServicePolicy } from '../core/route.js';
import { type Connector, createConnector } from './connector.js';

/** One connection to an endpoint. Carries one request at a time. */
export interface Connection {
  readonly client: Client;
  readonly connector: Connector;
  /** Requests sent since the socket was opened. */
  served: number;
  /** Carries a WebSocket or an event stream, which seldom end by themselves. */
  longLived: boolean;
  /** Closes the tunnel that the connection became, if it did. */
  closeTunnel: (() => void) | undefined;
}

export interface PoolTools {
  readonly clock: Clock;
  readonly allows: (ip: string) => boolean;
  readonly maxResponseHead: number;
}

/** Told once: a connection, or undefined when the pool will never have one. */
type Waiter = (connection: Connection | undefined) => void;

/**
 * The connections to one endpoint: a stack of idle ones, the last used first, so that the rest may
 * age and close. undici's own `Pool` is not used: its queue is unbounded and outside every timeout,
 * and a request that it refuses costs it a slot for good.
 */
export class EndpointPool implements Candidate {
  readonly load: EndpointLoad = newLoad();
  /** Share of the registered weight that it gets now, above 0 and up to 1. */
  warmth = 1;
  readonly #tools: PoolTools;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #waiters = new Set<Waiter>();
  #policy: ServicePolicy;
  #endpoint: Endpoint;
  #retired = false;

  constructor(endpoint: Endpoint, policy: ServicePolicy, tools: PoolTools) {
    this.#endpoint = endpoint;
    this.#policy = policy;
    this.#tools = tools;
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
    if (this.#open.size < this.#policy.maxConnections) return 'new';
    return this.#waiters.size < this.#policy.maxWaiting ? 'waits' : 'full';
  }

  /** Takes a newer registration of the same address, or a newer policy. */
  update(endpoint: Endpoint, policy: ServicePolicy): void {
    this.#endpoint = endpoint;
    this.#policy = policy;
  }

  /** An idle connection or a new one; undefined when all are busy and no more may be opened. */
  acquire(fresh: boolean): Connection | undefined {
    if (!fresh) {
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
    }
    if (this.#open.size < this.#policy.maxConnections) return this.#connect();
    const oldest = fresh ? this.#idle.shift() : undefined;
    if (oldest === undefined) return undefined;
    this.discard(oldest);
    return this.#connect();
  }

  /**
   * Waits for a connection, first come first served. Returns the function that gives up waiting;
   * undefined when the queue is full.
   */
  wait(waiter: Waiter): (() => void) | undefined {
    if (this.#waiters.size >= this.#policy.maxWaiting) return undefined;
    this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  /** Gives a connection back after a complete exchange. */
  release(connection: Connection): void {
    if (!this.#open.has(connection)) return;
    connection.longLived = false;
    const next = this.#nextWaiter();
    if (next !== undefined) next(connection);
    else if (this.#retired) this.discard(connection);
    else this.#idle.push(connection);
  }

  /** Closes a connection whose exchange did not complete. */
  discard(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    connection.closeTunnel?.();
    connection.client.destroy(() => undefined);
    const next = this.#nextWaiter();
    if (next !== undefined) next(this.#connect());
  }

  /** Closes idle connections now and busy ones as they finish. */
  retire(): void {
    this.#retired = true;
    for (const connection of [...this.#idle]) this.discard(connection);
  }

  /** The endpoint came back before it was gone. */
  revive(): void {
    this.#retired = false;
  }

  /** Breaks off what should have ended by now. Whether long-lived connections are left. */
  breakOffShort(): boolean {
    this.#dismissWaiters();
    for (const connection of [...this.#open]) if (!connection.longLived) this.discard(connection);
    return this.#open.size > 0;
  }

  /** Breaks off whatever is left. */
  destroy(): void {
    this.#retired = true;
    this.#dismissWaiters();
    for (const connection of [...this.#open]) this.discard(connection);
  }

  #dismissWaiters(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter(undefined);
  }

  #nextWaiter(): Waiter | undefined {
    const [first] = this.#waiters;
    if (first !== undefined) this.#waiters.delete(first);
    return first;
  }

  #connect(): Connection {
    const { clock, allows, maxResponseHead } = this.#tools;
    const connector = createConnector({ clock, allows, timeoutMs: () => this.#policy.connectTimeout });
    const client = new Client(`http://${this.#endpoint.address}`, {
      connect: connector.connect,
      pipelining: 1,
      keepAliveTimeout: this.#policy.keepAlive,
      keepAliveMaxTimeout: this.#policy.keepAlive,
      keepAliveTimeoutThreshold: 1000,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: maxResponseHead,
      strictContentLength: true,
    });
    const connection: Connection = {
      client,
      connector,
      served: 0,
      longLived: false,
      closeTunnel: undefined,
    };
    client.on('disconnect', () => {
      connection.served = 0;
      if (this.#idle.includes(connection)) this.discard(connection);
    });
    this.#open.add(connection);
    return connection;
  }
}
