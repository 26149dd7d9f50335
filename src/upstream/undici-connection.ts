import type { Duplex } from 'node:stream';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import type {
  ConnectionOptions,
  ResponseHandler,
  UpstreamConnection,
  UpstreamFailure,
  UpstreamRequest,
} from './connection.js';
import { InterimFilter } from './interim-filter.js';
import { framingOf } from './response-framing.js';
import { openSocket } from './socket.js';
import { failureOf } from './undici-failure.js';

/** A connection of undici's: one `Client` of one socket, without pipelining. The engine for upgrades. */
export class UndiciConnection implements UpstreamConnection {
  longLived = false;
  closeTunnel: (() => void) | undefined;
  /** undici closes idle sockets itself. */
  readonly idleUntil = Number.POSITIVE_INFINITY;
  readonly #client: Client;
  readonly #options: ConnectionOptions;
  #filter: InterimFilter | undefined;
  #reset = false;
  #requests = 0;
  #exchange: Exchanged | undefined;
  #gone = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { host, port, keepAliveMs, maxHead } = options;
    this.#client = new Client(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, {
      connect: (_address, callback) => this.#connect(callback),
      pipelining: 1,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      keepAliveTimeoutThreshold: 1000,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: maxHead,
      strictContentLength: true,
    });
    this.#client.on('disconnect', () => {
      this.#requests = 0;
      if (this.#exchange === undefined) this.closed();
    });
  }

  get reused(): boolean {
    return this.#requests > 1;
  }

  /** @internal Whether the endpoint reset the socket; undici takes that for the end of an unframed body. */
  get wasReset(): boolean {
    return this.#reset;
  }

  send({ method, target, headers, body, websocket }: UpstreamRequest, handler: ResponseHandler): void {
    const exchange = new Exchanged(this, handler, method, this.#options.maxHead);
    this.#exchange = exchange;
    this.#client.dispatch(
      {
        path: target,
        // undici sends any token; its type lists only the common ones.
        method: method as 'GET',
        headers: headers as string[],
        body: body ?? null,
        upgrade: websocket ? 'websocket' : null,
        // Keeps the connection after HEAD and after bodies on methods that seldom have one.
        ...(websocket ? {} : { reset: false }),
        blocking: false,
      },
      exchange,
    );
  }

  resume(): void {
    this.#exchange?.resume();
  }

  destroy(failure?: UpstreamFailure): void {
    this.#gone = true;
    this.#exchange?.breakOff(failure);
    this.#client.destroy(() => undefined);
  }

  /** @internal Whether anything of a response has come. */
  get heard(): boolean {
    return this.#filter?.heard === true;
  }

  /** @internal The request is about to go out. */
  sent(): void {
    this.#requests += 1;
    this.#filter?.arm();
  }

  /** @internal The exchange ended well, and the socket may carry another. */
  idle(): void {
    this.#exchange = undefined;
    if (!this.#gone) this.#options.owner.onIdle(this);
  }

  /** @internal */
  closed(): void {
    if (this.#gone) return;
    this.destroy();
    this.#options.owner.onClosed(this);
  }

  #connect(callback: buildConnector.Callback): void {
    const socket = openSocket(this.#options, this.#options, (failure) => {
      if (failure !== undefined) return callback(failure, null);
      // Ahead of undici's own listener, which takes a reset for the end of an unframed body.
      socket.on('error', () => {
        this.#reset = true;
      });
      this.#filter = new InterimFilter(socket);
      this.#reset = false;
      callback(null, socket);
    });
  }
}

/** One exchange as undici's handler in its native form (raw header buffers). */
class Exchanged implements Dispatcher.DispatchHandler {
  readonly #connection: UndiciConnection;
  readonly #method: string;
  #handler: ResponseHandler | undefined;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  /** The final head has come. */
  #begun = false;
  /** Bytes that interim responses may still take. */
  #interimLeft: number;

  constructor(connection: UndiciConnection, handler: ResponseHandler, method: string, maxHead: number) {
    this.#connection = connection;
    this.#handler = handler;
    this.#method = method;
    this.#interimLeft = maxHead;
  }

  resume(): void {
    this.#resume?.();
  }

  breakOff(failure: UpstreamFailure | undefined): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#abort?.();
    if (failure !== undefined) handler?.onFailure(failure);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    this.#connection.sent();
    this.#handler?.onSent();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, reason: string): boolean {
    this.#resume = resume;
    const fields = latin1(raw);
    if (!this.#keepsRules(status, raw, fields)) this.#fail('bad-response');
    else if (status < 200) this.#handler?.onInformation(status, fields);
    else {
      this.#begun = true;
      this.#handler?.onHead(status, reason, fields);
      if (status === 204 || status === 304) this.#endAtHead();
    }
    return true;
  }

  /** Whether the head keeps the rules that undici's parser leaves open. */
  #keepsRules(status: number, raw: readonly Buffer[], fields: readonly string[]): boolean {
    if (status === 101 || status < 100) return false;
    if (status >= 200) return isFramed(status, fields, this.#method);
    this.#interimLeft -= raw.reduce((bytes, { length }) => bytes + length, 0);
    return this.#interimLeft >= 0;
  }

  onData(chunk: Buffer): boolean {
    return this.#handler?.onData(chunk) ?? true;
  }

  onComplete(trailers: string[] | Buffer[] | null): void {
    if (this.#connection.wasReset) return this.#fail('reset');
    const handler = this.#handler;
    this.#handler = undefined;
    this.#connection.idle();
    handler?.onEnd(latin1((trailers ?? []) as Buffer[]));
  }

  onUpgrade(_status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#abort = undefined;
    handler?.onUpgrade(latin1((raw ?? []) as Buffer[]), socket);
  }

  onError(error: Error): void {
    const failure = failureOf(error, this.#abort !== undefined, this.#begun);
    this.#fail(failure === 'reset' && !this.#begun && this.#connection.heard ? 'partial' : failure);
  }

  /**
   * A 204 or 304 has no body, but undici holds an endpoint that announces a length all the same to
   * it, and fails the response after its head. The client's part is over here; the connection's is not.
   */
  #endAtHead(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onEnd([]);
  }

  #fail(failure: UpstreamFailure): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#connection.closed();
    handler?.onFailure(failure);
  }
}

function isFramed(status: number, fields: readonly string[], method: string): boolean {
  try {
    framingOf({ status, fields, minor: 1 }, method);
    return true;
  } catch {
    return false;
  }
}

function latin1(raw: readonly Buffer[]): string[] {
  return raw.map((bytes) => bytes.toString('latin1'));
}
