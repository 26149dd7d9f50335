import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Readable } from 'node:stream';
import type { Cause } from '../../core/causes.js';
import { LAST_STATUS, type Outcome, type OutcomeClass } from '../../core/outcome.js';
import { countAttempt } from '../attempt-load.js';
import type { EndpointPool } from '../endpoint-pool.js';
import { GrpcAnswer, type ResponseFields } from './answer.js';
import type { HeldStream } from './endpoint-sessions.js';
import type { SessionFailure, SessionWaiter, SharedSession } from './shared-session.js';

/** What becomes of an attempt at a call, told to the exchange that made it. */
export interface GrpcAttemptListener {
  /** The head of the response. `last`: there is nothing after it. */
  onHead(attempt: GrpcAttempt, headers: ResponseFields, last: boolean): void;
  /** False pauses the endpoint until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: IncomingHttpHeaders): void;
  onFailure(attempt: GrpcAttempt, outcome: Outcome): void;
  /** Exactly once, before the call that says how it went on. */
  onSettled(attempt: GrpcAttempt, outcome: Outcome): void;
}

/** What an attempt sends. */
export interface GrpcCall {
  /** Asked for when the stream begins, which may be after a wait for a connection. */
  headers(): OutgoingHttpHeaders;
  /** Undefined when there is no body. */
  body(): Readable | undefined;
}

/**
 * One try of one call at one endpoint: a stream on a session that it shares. Begins once, settles once,
 * as every attempt does.
 */
export class GrpcAttempt implements SessionWaiter, HeldStream {
  readonly pool: EndpointPool;
  /** Milliseconds on the monotonic clock. */
  readonly begunAt: number;
  spanId: string | undefined;
  readonly #call: GrpcCall;
  readonly #listener: GrpcAttemptListener;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  #giveUp: (() => void) | undefined;
  #session: SharedSession | undefined;
  #stream: ClientHttp2Stream | undefined;
  #answer: GrpcAnswer | undefined;
  #reused = false;
  #headAt = 0;
  #refused = false;
  #settled = false;

  constructor(pool: EndpointPool, call: GrpcCall, listener: GrpcAttemptListener, now: () => number) {
    this.pool = pool;
    this.#call = call;
    this.#listener = listener;
    this.#now = now;
    this.begunAt = now();
    pool.load.inFlight += 1;
    pool.sessions.hold(this);
  }

  get headReceived(): boolean {
    return this.#headAt > 0;
  }

  /** A call that has been answered and goes on is a stream of messages. */
  get longLived(): boolean {
    return this.headReceived;
  }

  /** Asks for a place at the endpoint. */
  begin(): void {
    this.#giveUp = this.pool.sessions.enter(this);
    if (this.#giveUp === undefined) this.onFailed('busy');
  }

  onSession(session: SharedSession): void {
    if (this.#settled) return session.leave();
    this.#session = session;
    const body = this.#call.body();
    try {
      this.#send(session, body);
    } catch {
      // It has closed since; nothing was sent.
      body?.destroy();
      session.leave();
      this.#fail('UPSTREAM_RESET', 'reset');
    }
  }

  onFailed(failure: SessionFailure): void {
    if (failure === 'refused') this.#fail('CONNECT_FAILED', 'connect-failed');
    else if (failure === 'busy') this.#fail('OVERLOADED', 'abandoned');
    else this.#fail('BAD_UPSTREAM_RESPONSE', 'bad-response');
  }

  /** Breaks it off; it has settled when this returns. */
  abort(cause: Cause): void {
    if (this.#settled) return;
    this.#giveUp?.();
    if (!this.headReceived && cause !== 'CLIENT_GONE') this.#session?.suspect();
    this.#fail(cause, cause === 'UPSTREAM_TIMEOUT' ? 'timeout' : 'abandoned');
    this.#stop.abort();
  }

  breakOff(): void {
    if (this.#settled) return;
    this.#giveUp?.();
    this.#fail('UPSTREAM_RESET', this.headReceived ? 'truncated' : 'reset');
    this.#stop.abort();
  }

  /** The client can take more. */
  resume(): void {
    this.#stream?.resume();
  }

  #send(session: SharedSession, body: Readable | undefined): void {
    if (session.http2 === undefined) throw new Error('the session is not open');
    const stream = session.http2.request(this.#call.headers(), {
      endStream: body === undefined,
      // Not `close`, which would end the body in good order before it resets the stream.
      signal: this.#stop.signal,
    });
    this.#stream = stream;
    this.#reused = session.served > 0;
    session.served += 1;
    stream.on('error', () => undefined);
    stream.once('response', (headers, flags) => this.#onResponse(headers, flags));
    stream.once('trailers', (trailers) => this.#answer?.onTrailers(trailers));
    stream.once('end', () => this.#onEnd());
    stream.once('close', () => this.#onClose(session, stream));
    body?.pipe(stream);
  }

  #onResponse(headers: ResponseFields, flags: number): void {
    if (this.#settled) return;
    if ((headers[':status'] ?? 0) > LAST_STATUS) {
      this.#fail('BAD_UPSTREAM_RESPONSE', 'bad-response');
      this.#stop.abort();
      return;
    }
    this.#headAt = this.#now();
    const last = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    this.#answer = new GrpcAnswer(headers);
    this.#listener.onHead(this, headers, last);
    this.#stream?.on('data', (chunk: Buffer) => {
      if (!this.#settled && !this.#listener.onData(chunk)) this.#stream?.pause();
    });
  }

  #onEnd(): void {
    const answer = this.#answer;
    if (this.#settled || answer === undefined) return;
    if (!answer.complete) return this.#fail('UPSTREAM_RESET', 'truncated');
    this.#settle(this.#outcome(undefined, answer.isServerError ? 'server-error' : 'ok'));
    this.#listener.onEnd(answer.trailers);
    // The endpoint has said all it had to say, so that it wants no more of the request.
    if (this.#stream?.writableFinished === false) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #onClose(session: SharedSession, stream: ClientHttp2Stream): void {
    session.leave();
    if (this.#settled) return;
    // The two ways in which an endpoint says that it has not looked at a stream (RFC 9113 section 8.7).
    const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || session.hasRefused(stream.id ?? 0);
    this.#refused = refused && !this.headReceived;
    this.#fail('UPSTREAM_RESET', this.headReceived ? 'truncated' : 'reset');
  }

  #fail(cause: Cause, outcomeClass: OutcomeClass): void {
    if (this.#settled) return;
    const outcome = this.#outcome(cause, outcomeClass);
    this.#settle(outcome);
    this.#listener.onFailure(this, outcome);
  }

  #outcome(cause: Cause | undefined, outcomeClass: OutcomeClass): Outcome {
    return {
      class: outcomeClass,
      status: this.#answer?.httpStatus ?? 0,
      cause,
      nothingSent: this.#stream === undefined || this.#refused,
      reusedConnection: this.#reused,
      answerBegun: this.headReceived,
      headMs: (this.#headAt || this.#now()) - this.begunAt,
    };
  }

  #settle(outcome: Outcome): void {
    this.#settled = true;
    this.pool.sessions.release(this);
    countAttempt(this.pool.load, outcome, this.headReceived, this.#now());
    this.#listener.onSettled(this, outcome);
  }
}
