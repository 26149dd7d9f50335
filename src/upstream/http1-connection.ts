import type { Socket } from 'node:net';
import type { Waiting } from '../core/turn.js';
import type {
  ConnectionOptions,
  ResponseHandler,
  UpstreamConnection,
  UpstreamFailure,
  UpstreamRequest,
} from './connection.js';
import { ReadBuffer } from './read-buffer.js';
import { RequestBodyWriter } from './request-body-writer.js';
import { requestHead } from './request-head.js';
import { BadResponse, type ResponseHead } from './response-head.js';
import { ResponseReader, type ResponseSink } from './response-reader.js';
import { openSocket } from './socket.js';

/** What an endpoint says it keeps a connection for may be over before our next request arrives. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/**
 * An HTTP/1.1 connection of our own: one socket, one request at a time, nothing that a gateway does not need. It reads
 * into one buffer for all connections, and copies out of it what is kept. It knows no upgrades.
 */
export class Http1Connection implements UpstreamConnection, ResponseSink, Waiting {
  longLived = false;
  closeTunnel: (() => void) | undefined;
  idleUntil = Number.POSITIVE_INFINITY;
  readonly #options: ConnectionOptions;
  readonly #reader: ResponseReader;
  readonly #buffer = new ReadBuffer();
  #socket: Socket | undefined;
  #state: 'new' | 'connecting' | 'idle' | 'busy' | 'gone' = 'new';
  #handler: ResponseHandler | undefined;
  #body: RequestBodyWriter | undefined;
  /** Sent at the end of the turn. */
  #unsent: UpstreamRequest | undefined;
  #requests = 0;
  #keepsUp = true;
  /** Bytes of the piece read last. */
  #read = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#reader = new ResponseReader(this, options.maxHead);
  }

  get #gone(): boolean {
    return this.#state === 'gone';
  }

  get reused(): boolean {
    return this.#requests > 1;
  }

  send(request: UpstreamRequest, handler: ResponseHandler): void {
    this.#handler = handler;
    if (this.#state === 'new') this.#connect(request);
    else this.#writeSoon(request);
  }

  resume(): void {
    if (this.#keepsUp) return;
    this.#keepsUp = true;
    this.#socket?.resume();
  }

  destroy(failure?: UpstreamFailure): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#state = 'gone';
    this.#unsent = undefined;
    this.#reader.stop();
    this.#body?.stop();
    this.#socket?.destroy();
    if (failure !== undefined) handler?.onFailure(failure);
  }

  #connect(request: UpstreamRequest): void {
    this.#state = 'connecting';
    const onread = {
      buffer: () => this.#buffer.after(this.#read),
      callback: (length: number) => this.#take(length),
    };
    const connected = (failure: Error | undefined): void => this.#connected(failure, request);
    this.#socket = openSocket(this.#options, this.#options, connected, onread);
  }

  #connected(failure: Error | undefined, request: UpstreamRequest): void {
    if (failure !== undefined) request.body?.destroy();
    if (this.#gone) return;
    if (failure !== undefined) return this.#fail('connect');
    this.#socket?.on('error', () => this.#ended(true));
    this.#socket?.on('end', () => this.#ended(false));
    this.#socket?.on('close', () => this.#ended(true));
    this.#writeSoon(request);
  }

  #writeSoon(request: UpstreamRequest): void {
    this.#state = 'busy';
    this.#requests += 1;
    if (request.body !== undefined) return this.#write(request);
    this.#unsent = request;
    this.#options.turn.add(this);
  }

  atTurnEnd(): void {
    const request = this.#unsent;
    this.#unsent = undefined;
    if (request !== undefined) this.#write(request);
  }

  #write(request: UpstreamRequest): void {
    const socket = this.#socket;
    const { method, body } = request;
    const framing = requestHead(request);
    if (socket === undefined || framing === undefined) {
      body?.destroy();
      return this.#fail('bad-request');
    }
    this.#reader.expect(method);
    this.#handler?.onSent();
    if (body === undefined) {
      socket.write(framing.head, 'latin1');
      return;
    }
    // What the client has sent of it by now leaves with the head.
    socket.cork();
    setImmediate(() => socket.uncork());
    socket.write(framing.head, 'latin1');
    this.#body = new RequestBodyWriter(socket, body, framing.length, () => this.#fail('request-body'));
  }

  /** False pauses the socket. */
  #take(length: number): boolean {
    this.#read = length;
    if (this.#gone) return true;
    try {
      this.#reader.read(this.#buffer.current, length);
    } catch (error) {
      if (!(error instanceof BadResponse)) throw error;
      // Whoever breaks it off in the middle of a piece leaves bytes that nobody asked for.
      // Before anything was asked, whatever comes is the end of a connection that was kept for too long.
      if (!this.#gone) this.#fail(this.#unsent === undefined ? 'bad-response' : 'reset');
    }
    return this.#keepsUp;
  }

  onInformation({ status, fields }: ResponseHead): void {
    if (status === 101) this.#fail('bad-response');
    else if (status !== 100) this.#handler?.onInformation(status, fields);
  }

  onHead({ status, reason, fields }: ResponseHead): void {
    this.#handler?.onHead(status, reason, fields);
  }

  onContent(from: number, to: number): void {
    if (this.#handler === undefined) return;
    const chunk = this.#buffer.take(from, to);
    if (!this.#handler.onData(chunk)) this.#keepsUp = false;
  }

  onComplete(trailers: readonly string[], keepsForMs: number): void {
    const handler = this.#handler;
    const { owner, keepAliveMs, clock } = this.#options;
    this.#handler = undefined;
    const sent = this.#body === undefined || this.#body.complete;
    this.#body?.stop();
    this.#body = undefined;
    const keptMs = Math.min(keepAliveMs, keepsForMs - KEEP_ALIVE_MARGIN_MS);
    if (sent && keptMs > 0) {
      this.#state = 'idle';
      this.idleUntil = clock.monotonic() + keptMs;
      this.resume();
      owner.onIdle(this);
    } else this.#close();
    handler?.onEnd(trailers);
  }

  /** The endpoint ended the connection; `broken` when not in the way that may end a response. */
  #ended(broken: boolean): void {
    if (this.#gone || (!broken && this.#reader.end())) return;
    if (this.#state === 'idle') this.#close();
    else this.#fail(this.#reader.partial ? 'partial' : 'reset');
  }

  #close(): void {
    this.destroy();
    this.#options.owner.onClosed(this);
  }

  #fail(failure: UpstreamFailure): void {
    const handler = this.#handler;
    this.#close();
    handler?.onFailure(failure);
  }
}
