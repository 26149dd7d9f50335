import type { Duplex } from 'node:stream';
import type { Cause } from '../core/causes.js';
import { LAST_STATUS, type Outcome, type OutcomeClass } from '../core/outcome.js';
import type { ResponseHandler, UpstreamConnection, UpstreamFailure } from '../upstream/connection.js';
import { classify } from './attempt-failure.js';
import { countAttempt } from './attempt-load.js';
import type { EndpointPool } from './endpoint-pool.js';
import { switchesToWebSocket } from './response-headers.js';

/** What becomes of an attempt, told to the exchange that made it. */
export interface AttemptListener {
  /** A 1xx other than 100 and 101. */
  onInformation(status: number, fields: readonly string[]): void;
  /** Whether the client's protocol has statuses of 600 or more. */
  readonly carriesAnyStatus: boolean;
  /** Whether to relay the response; false breaks it off, because another attempt has begun. */
  onHead(attempt: Attempt, status: number, reason: string, fields: readonly string[]): boolean;
  /** False pauses the endpoint until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: readonly string[]): void;
  /** Returns what breaks the tunnel off. */
  onUpgrade(fields: readonly string[], socket: Duplex): () => void;
  /** The connection broke within the response: what has come of it is the client's to see. */
  onBreak(): void;
  onFailure(attempt: Attempt, outcome: Outcome): void;
  /** Exactly once, before the call that says how it went on. */
  onSettled(attempt: Attempt, outcome: Outcome): void;
}

/**
 * One try of one request at one endpoint. Begins once, settles once: in-flight count, latency and
 * the record hang on that.
 */
export class Attempt implements ResponseHandler {
  readonly pool: EndpointPool;
  readonly connection: UpstreamConnection;
  /** Milliseconds on the monotonic clock. */
  readonly begunAt: number;
  /** Of its span; undefined when none is kept. */
  spanId: string | undefined;
  readonly #listener: AttemptListener;
  readonly #now: () => number;
  /** Until then nothing was sent. */
  #sent = false;
  #reused = false;
  #informed = false;
  #answerBegun = false;
  #headAt = 0;
  #status = 0;
  #settled = false;

  constructor(
    pool: EndpointPool,
    connection: UpstreamConnection,
    listener: AttemptListener,
    now: () => number,
  ) {
    this.pool = pool;
    this.connection = connection;
    this.#listener = listener;
    this.#now = now;
    this.begunAt = now();
    pool.load.inFlight += 1;
  }

  get headReceived(): boolean {
    return this.#headAt > 0;
  }

  /** Whether an interim response has been relayed. */
  get informed(): boolean {
    return this.#informed;
  }

  /** Breaks it off; it has settled when this returns. */
  abort(cause: Cause): void {
    if (this.#settled) return;
    this.pool.discard(this.connection);
    this.#fail(cause, cause === 'UPSTREAM_TIMEOUT' ? 'timeout' : 'abandoned');
  }

  /** The client can take more of the body. */
  resume(): void {
    this.connection.resume();
  }

  onSent(): void {
    this.#sent = true;
    this.#reused = this.connection.reused;
  }

  onInformation(status: number, fields: readonly string[]): void {
    this.#informed = true;
    this.#answerBegun = true;
    this.#listener.onInformation(status, fields);
  }

  onHead(status: number, reason: string, fields: readonly string[]): void {
    this.#answerBegun = true;
    if (status > LAST_STATUS && !this.#listener.carriesAnyStatus) return this.#refuse();
    this.#headAt = this.#now();
    this.#status = status;
    if (this.#listener.onHead(this, status, reason, fields)) return;
    // The exchange has gone on without it.
    this.#settle(this.#outcome(undefined, 'server-error'));
    this.pool.discard(this.connection);
  }

  onData(chunk: Buffer): boolean {
    return this.#listener.onData(chunk);
  }

  onEnd(trailers: readonly string[]): void {
    this.#settle(this.#outcome(undefined, this.#status >= 500 ? 'server-error' : 'ok'));
    this.#listener.onEnd(trailers);
  }

  onUpgrade(fields: readonly string[], socket: Duplex): void {
    this.#answerBegun = true;
    if (!switchesToWebSocket(fields)) {
      socket.on('error', () => undefined).destroy();
      return this.#refuse();
    }
    this.#headAt = this.#now();
    this.#status = 101;
    const closeTunnel = this.#listener.onUpgrade(fields, socket);
    this.connection.longLived = true;
    this.connection.closeTunnel = closeTunnel;
  }

  onFailure(failure: UpstreamFailure): void {
    if (failure === 'partial') this.#answerBegun = true;
    if (failure === 'reset' && this.headReceived) this.#listener.onBreak();
    const { cause, outcome } = classify(failure, this.headReceived);
    this.#fail(cause, outcome);
  }

  /** Ends an upgraded attempt when its tunnel has closed. */
  tunnelClosed(): void {
    this.pool.discard(this.connection);
    if (!this.#settled) this.#settle(this.#outcome(undefined, 'ok'));
  }

  /** It is valid HTTP, and no answer to this client's request. */
  #refuse(): void {
    this.pool.discard(this.connection);
    this.#fail('BAD_UPSTREAM_RESPONSE', 'bad-response');
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
      status: this.#status,
      cause,
      nothingSent: !this.#sent,
      // Once it was sent, the connection may be busy with another request by now.
      reusedConnection: this.#sent ? this.#reused : this.connection.reused,
      answerBegun: this.#answerBegun,
      headMs: (this.#headAt || this.#now()) - this.begunAt,
    };
  }

  #settle(outcome: Outcome): void {
    this.#settled = true;
    countAttempt(this.pool.load, outcome, this.headReceived, this.#now());
    this.#listener.onSettled(this, outcome);
  }
}
