import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Cause } from '../core/causes.js';
import type { Clock, Timer } from '../core/clock.js';
import type { ClientSocket } from './client-side.js';
import type { ProxyContext, UnderWay } from './context.js';
import { isGrpcCall } from './grpc/status.js';
import { handleRequest } from './handler.js';
import { StreamRequest } from './stream-request.js';
import { StreamResponse } from './stream-response.js';

/** Durations in milliseconds, sizes in bytes. */
export interface Http2Limits {
  readonly maxConcurrentStreams: number;
  readonly maxHeaderSize: number;
  /** For a whole request, body included; 0 for no limit. */
  readonly requestTimeout: number;
  /** How long a connection without streams is kept. */
  readonly keepAliveTimeout: number;
}

/** Largest id of a stream: a GOAWAY that names it refuses nothing that is under way (RFC 9113 section 6.8). */
const LAST_STREAM = 2 ** 31 - 1;
/** What may be on its way to us on one connection; each stream of it may have 64 KiB. */
const CONNECTION_WINDOW = 1024 ** 2;
/** Megabytes that a connection may make the gateway hold, in what clients are slow to read and in header tables. */
const SESSION_MEMORY = 32;
/** Least size of a field as it counts against the largest head (RFC 9113 section 6.5.2). */
const LEAST_FIELD = 32;
/** By how much nghttp2 fears that fields may grow when encoded: the shortest, of four bytes, to thirteen. */
const ENCODED = 4;
/** Bytes that the gateway adds to a head, with much to spare. */
const OWN_FIELDS = 16 * 1024;

/** The connections of clients that speak HTTP/2. Each stream is one request, served like any other. */
export class Http2Sessions {
  readonly #server: Http2Server;
  readonly #context: ProxyContext;
  readonly #limits: Http2Limits;
  readonly #open = new Map<ServerHttp2Session, OpenSession>();
  readonly #underWay = new Set<UnderWay>();
  #accepting: Socket | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(limits: Http2Limits, context: ProxyContext) {
    this.#limits = limits;
    this.#context = context;
    // Floods of resets, SETTINGS and PING are bounded by nghttp2 and by Node's own defaults.
    this.#server = createServer({
      maxSessionMemory: SESSION_MEMORY,
      maxHeaderListPairs: Math.ceil(limits.maxHeaderSize / LEAST_FIELD),
      // An endpoint's head is bounded by the same; one that nghttp2 finds too large costs the client its connection.
      maxSendHeaderBlockLength: ENCODED * (limits.maxHeaderSize + OWN_FIELDS),
      settings: {
        maxConcurrentStreams: limits.maxConcurrentStreams,
        maxHeaderListSize: limits.maxHeaderSize,
        enableConnectProtocol: false,
      },
    });
    this.#server.on('session', (session) => this.#opened(session));
    // The session is closed; what was under way on it hears of that itself.
    this.#server.on('sessionError', () => undefined);
  }

  /** Takes a connection, of TCP or TLS, that begins with the preface. */
  take(socket: Socket): void {
    // A server of HTTP/1.1 accepts sockets half open; a session would not hear of the client's end.
    socket.allowHalfOpen = false;
    this.#accepting = socket;
    this.#server.emit('connection', socket);
    this.#accepting = undefined;
  }

  /** Lets requests under way finish, and takes no more. Resolves when the last connection has closed. */
  stop(): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const session of this.#open.keys()) session.close();
    if (this.#open.size === 0) this.#onEmpty?.();
    return empty;
  }

  /** Fails every request under way, with an answer where that is still possible. */
  failRequests(cause: Cause): void {
    for (const request of this.#underWay) request.clientFailed(cause);
  }

  /** Breaks off every connection. */
  breakOff(): void {
    for (const open of this.#open.values()) open.breakOff();
  }

  #opened(session: ServerHttp2Session): void {
    const { clock } = this.#context;
    const open = new OpenSession(session, this.#accepting, clock, this.#limits.keepAliveTimeout);
    this.#open.set(session, open);
    session.setLocalWindowSize(CONNECTION_WINDOW);
    session.on('stream', (stream, headers, _flags, fields: string[] = []) =>
      this.#serve(open, stream, headers, fields),
    );
    session.once('close', () => {
      open.closed();
      this.#open.delete(session);
      if (this.#open.size === 0) this.#onEmpty?.();
    });
    if (this.#onEmpty !== undefined) session.close();
  }

  #serve(
    open: OpenSession,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    fields: readonly string[],
  ): void {
    // Node reports as an error what the client did to its own request; the close tells the rest.
    stream.on('error', () => undefined);
    open.began(stream);
    if (this.#context.draining()) open.sendAway();
    const request = new StreamRequest(stream, headers, fields, open.facts);
    const takesTrailers = headers['te'] === 'trailers' || isGrpcCall(headers['content-type']);
    const response = new StreamResponse(stream, takesTrailers);
    if (headers.expect === '100-continue') this.#context.awaitingContinue.add(request);
    const underWay = handleRequest(this.#context, request, response);
    if (underWay === undefined) return;
    this.#underWay.add(underWay);
    stream.once('close', () => this.#underWay.delete(underWay));
    const { requestTimeout } = this.#limits;
    if (stream.endAfterHeaders || requestTimeout === 0) return;
    const timer = this.#context.clock.after(requestTimeout, () => underWay.clientFailed('REQUEST_TIMEOUT'));
    stream.once('end', () => timer.cancel());
    stream.once('close', () => timer.cancel());
  }
}

/** One connection, and how much goes on on it. */
class OpenSession {
  readonly facts: ClientSocket;
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket | undefined;
  readonly #clock: Clock;
  readonly #keepAlive: number;
  #streams = 0;
  #sentAway = false;
  #idle: Timer;

  /** `keepAlive`: how long it is kept without streams, milliseconds. */
  constructor(session: ServerHttp2Session, socket: Socket | undefined, clock: Clock, keepAlive: number) {
    this.#session = session;
    this.#socket = socket;
    this.#clock = clock;
    this.#keepAlive = keepAlive;
    this.#idle = this.#closeLater();
    // Copied, because a socket forgets them when it closes.
    const { remoteAddress, remotePort, localPort } = socket ?? session.socket;
    this.facts = { remoteAddress, remotePort, localPort, encrypted: session.encrypted === true };
  }

  began(stream: ServerHttp2Stream): void {
    this.#streams += 1;
    this.#idle.cancel();
    stream.once('close', () => {
      this.#streams -= 1;
      if (this.#streams === 0 && !this.#session.destroyed) this.#idle = this.#closeLater();
    });
  }

  closed(): void {
    this.#idle.cancel();
  }

  breakOff(): void {
    this.#session.destroy();
    // A session that was closing only ends its side, and would wait for a client that does not end its own.
    this.#socket?.destroy();
  }

  /** Tells the client to take another connection for what comes next. */
  sendAway(): void {
    if (this.#sentAway || this.#session.destroyed) return;
    this.#sentAway = true;
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
  }

  #closeLater(): Timer {
    return this.#clock.after(this.#keepAlive, () => this.#session.close());
  }
}
