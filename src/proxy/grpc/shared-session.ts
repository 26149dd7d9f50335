import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.js';
import type { Endpoint } from '../../core/endpoint.js';

/**
 * Why there is no place at an endpoint. `not-http2`: it took a connection, and did not speak HTTP/2 on it;
 * `busy`: as many connections as may be are full.
 */
export type SessionFailure = 'refused' | 'not-http2' | 'busy';

/** Who waits for a place at an endpoint. Told once, unless it gives up. */
export interface SessionWaiter {
  onSession(session: SharedSession): void;
  onFailed(failure: SessionFailure): void;
}

/** Who waits for a session to open. Told once, unless it gives up. */
export interface SessionEntrant extends SessionWaiter {
  /** The endpoint takes fewer streams on a connection than was thought, and this one is too many. */
  onFull(): void;
}

export interface SessionOptions {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /** Whether the gateway may connect to this IP address. */
  readonly allows: (ip: string) => boolean;
  /** For the connection and the first SETTINGS, milliseconds. */
  readonly connectTimeout: number;
  /** How long it is kept without streams. */
  readonly keepAlive: () => number;
  /** It has opened, has room again, or takes no more streams; in the last case `session.ended`. */
  readonly onChange: (session: SharedSession) => void;
}

/** What servers commonly allow, and the least that RFC 9113 section 6.5.2 recommends. More make one TCP connection a queue. */
const MOST_STREAMS = 100;
/** Bytes of a response in advance. More than 64 KiB, which would hold a fast endpoint to one per round trip. */
const STREAM_WINDOW = 256 * 1024;
const CONNECTION_WINDOW = 4 * 1024 ** 2;
/** Megabytes; Node refuses new streams beyond, and all that waits to be sent counts. */
const SESSION_MEMORY = 64;

/**
 * One HTTP/2 connection to an endpoint, shared by the streams of many clients. It counts as open when the
 * endpoint's SETTINGS have come: that proves that it speaks HTTP/2, and says how many streams it takes.
 */
export class SharedSession {
  /** Streams that have been started on it. */
  served = 0;
  readonly #options: SessionOptions;
  readonly #waiters = new Set<SessionEntrant>();
  readonly #socket: Socket;
  #http2: ClientHttp2Session | undefined;
  readonly #opening: Timer;
  #idle: Timer | undefined;
  #pinging: Timer | undefined;
  #open = false;
  #ended = false;
  #streams = 0;
  #lastStream = Number.POSITIVE_INFINITY;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { endpoint, clock, allows, connectTimeout } = options;
    const socket = connect({ host: endpoint.host, port: endpoint.port, noDelay: true, keepAlive: true });
    this.#socket = socket;
    this.#opening = clock.after(connectTimeout, () => this.destroy());
    socket.on('error', () => this.destroy());
    socket.once('connect', () => {
      if (allows(socket.remoteAddress ?? '')) this.#speak();
      else this.destroy();
    });
  }

  /** Undefined until it is open. */
  get http2(): ClientHttp2Session | undefined {
    return this.#open ? this.#http2 : undefined;
  }

  /** Takes no more streams. */
  get ended(): boolean {
    return this.#ended;
  }

  get idle(): boolean {
    return this.#streams === 0;
  }

  get hasRoom(): boolean {
    return !this.#ended && this.#streams < this.#most;
  }

  /** Whether the endpoint has said that it has not looked at this stream (RFC 9113 section 6.8). */
  hasRefused(streamId: number): boolean {
    return streamId > this.#lastStream;
  }

  /** Takes a place, which must be given back. Calls the waiter at once when the session is open. */
  enter(waiter: SessionEntrant): void {
    this.#idle?.cancel();
    this.#streams += 1;
    if (this.#open) waiter.onSession(this);
    else this.#waiters.add(waiter);
  }

  /** Takes back a place that has not been used. */
  giveUp(waiter: SessionEntrant): void {
    if (this.#waiters.delete(waiter)) this.leave();
  }

  leave(): void {
    this.#streams -= 1;
    if (this.#streams === 0) {
      if (this.#ended) this.#http2?.close();
      else this.#idle = this.#options.clock.after(this.#options.keepAlive(), () => this.retire());
    }
    this.#options.onChange(this);
  }

  /** Lets its streams finish and takes no more. */
  retire(): void {
    this.#end();
    if (this.#streams > 0) return;
    if (this.#open) this.#http2?.close();
    else this.destroy();
  }

  /** Idempotent. Whoever still waits is told that it failed. */
  destroy(): void {
    const failure = this.#http2 === undefined ? 'refused' : 'not-http2';
    this.#end();
    this.#opening.cancel();
    this.#pinging?.cancel();
    this.#http2?.destroy();
    this.#socket.destroy();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    this.#streams -= waiters.length;
    for (const waiter of waiters) waiter.onFailed(failure);
  }

  /**
   * A stream has waited in vain. Asks whether anybody is there, because a host that has vanished says nothing, and
   * every later stream would wait in vain too.
   */
  suspect(): void {
    const http2 = this.http2;
    if (http2 === undefined || http2.destroyed || this.#pinging !== undefined) return;
    const { clock, connectTimeout } = this.#options;
    this.#pinging = clock.after(connectTimeout, () => this.destroy());
    http2.ping(() => {
      this.#pinging?.cancel();
      this.#pinging = undefined;
    });
  }

  /** Streams that it takes at once; as many as any does while the endpoint has not said. */
  get #most(): number {
    return Math.min(MOST_STREAMS, this.http2?.remoteSettings?.maxConcurrentStreams ?? MOST_STREAMS);
  }

  #speak(): void {
    const http2 = connectHttp2(`http://${this.#options.endpoint.address}`, {
      createConnection: () => this.#socket,
      maxSessionMemory: SESSION_MEMORY,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    this.#http2 = http2;
    http2.on('error', () => this.destroy());
    http2.once('close', () => this.destroy());
    http2.once('connect', () => http2.setLocalWindowSize(CONNECTION_WINDOW));
    http2.once('remoteSettings', () => this.#opened());
    http2.on('goaway', (_code, lastStream) => {
      this.#lastStream = lastStream;
      this.#end();
    });
  }

  #opened(): void {
    this.#open = true;
    this.#opening.cancel();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    const tooMany = waiters.splice(this.#most);
    this.#streams -= tooMany.length;
    for (const waiter of waiters) waiter.onSession(this);
    for (const waiter of tooMany) waiter.onFull();
    if (this.#ended && this.#streams === 0) this.#http2?.close();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#idle?.cancel();
    this.#options.onChange(this);
  }
}
