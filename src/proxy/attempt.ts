import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { type Cause, causeRule } from '../core/causes.js';
import { observeFailure, observeLatency } from '../core/load.js';
import type { Outcome, OutcomeClass } from '../core/outcome.js';
import { classify } from './attempt-failure.js';
import type { Connection, EndpointPool } from './endpoint-pool.js';

/** What becomes of an attempt, told to the exchange that made it. */
export interface AttemptListener {
  /** A 1xx other than 100 and 101. */
  onInformation(status: number, raw: Buffer[]): void;
  /** Whether to relay the response; false breaks it off, because another attempt has begun. */
  onHead(attempt: Attempt, status: number, reason: string, raw: Buffer[]): boolean;
  /** False pauses the endpoint until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: Buffer[]): void;
  onUpgrade(raw: Buffer[], socket: Duplex): void;
  onFailure(attempt: Attempt, outcome: Outcome): void;
  /** Exactly once, before the call that says how it went on. */
  onSettled(attempt: Attempt, outcome: Outcome): void;
}

/**
 * One try of one request at one endpoint, as undici's handler in its native form (raw header
 * buffers). Begins once, settles once: in-flight count, latency and the record hang on that.
 */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly pool: EndpointPool;
  readonly connection: Connection;
  /** Milliseconds on the monotonic clock. */
  readonly begunAt: number;
  /** Of its span; undefined when none is kept. */
  spanId: string | undefined;
  readonly #listener: AttemptListener;
  readonly #now: () => number;
  /** Known from the moment the request goes out; until then nothing was sent. */
  #abort: ((error?: Error) => void) | undefined;
  #abortCause: Cause | undefined;
  #resume: (() => void) | undefined;
  #reused = false;
  #headAt = 0;
  #status = 0;
  #settled = false;

  constructor(pool: EndpointPool, connection: Connection, listener: AttemptListener, now: () => number) {
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

  /** Breaks it off; it has settled when this returns. */
  abort(cause: Cause): void {
    if (this.#settled) return;
    this.#abortCause = cause;
    if (this.#abort !== undefined) this.#abort();
    else this.pool.discard(this.connection);
    this.#failAborted(cause);
  }

  /** The client can take more of the body. */
  resume(): void {
    this.#resume?.();
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    this.#reused = this.connection.served > 0;
    this.connection.served += 1;
    this.connection.connector.filter()?.arm();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, reason: string): boolean {
    if (status === 101 || status < 100) {
      this.#fail('BAD_UPSTREAM_RESPONSE', 'bad-response');
      this.#abort?.();
      return true;
    }
    if (status < 200) {
      this.#listener.onInformation(status, raw);
      return true;
    }
    this.#headAt = this.#now();
    this.#status = status;
    this.#resume = resume;
    if (!this.#listener.onHead(this, status, reason, raw)) this.#dismiss();
    else if (status === 204 || status === 304) this.#completeAtHead();
    return true;
  }

  onData(chunk: Buffer): boolean {
    return this.#listener.onData(chunk);
  }

  onComplete(trailers: string[] | Buffer[] | null): void {
    if (this.connection.connector.wasReset()) {
      this.pool.discard(this.connection);
      this.#fail('UPSTREAM_RESET', 'truncated');
      return;
    }
    this.pool.release(this.connection);
    if (this.#settled) return;
    this.#settle(this.#outcome(undefined, this.#status >= 500 ? 'server-error' : 'ok'));
    this.#listener.onEnd((trailers ?? []) as Buffer[]);
  }

  onUpgrade(status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    this.#headAt = this.#now();
    this.#status = status;
    this.#listener.onUpgrade((raw ?? []) as Buffer[], socket);
  }

  onError(error: Error): void {
    this.pool.discard(this.connection);
    if (this.#settled) return;
    if (this.#abortCause !== undefined) {
      this.#failAborted(this.#abortCause);
      return;
    }
    const { cause, outcome } = classify(error, this.#abort !== undefined, this.headReceived);
    this.#fail(cause, outcome);
  }

  /** Ends an upgraded attempt when its tunnel has closed. */
  tunnelClosed(): void {
    this.pool.discard(this.connection);
    if (!this.#settled) this.#settle(this.#outcome(undefined, 'ok'));
  }

  /**
   * A 204 or 304 has no body, but undici holds an endpoint that announces a length all the same to
   * it, and fails the response after its head. The client's part is over here; the connection's is not.
   */
  #completeAtHead(): void {
    this.#settle(this.#outcome(undefined, 'ok'));
    this.#listener.onEnd([]);
  }

  /** The exchange has gone on without it. */
  #dismiss(): void {
    this.#settle(this.#outcome(undefined, 'server-error'));
    this.#abort?.();
  }

  #failAborted(cause: Cause): void {
    this.#fail(cause, cause === 'UPSTREAM_TIMEOUT' ? 'timeout' : 'abandoned');
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
      nothingSent: this.#abort === undefined,
      reusedConnection: this.#reused,
      headMs: (this.#headAt || this.#now()) - this.begunAt,
    };
  }

  #settle(outcome: Outcome): void {
    this.#settled = true;
    const { load } = this.pool;
    load.inFlight -= 1;
    load.requests += 1;
    const now = this.#now();
    const blamed = outcome.cause !== undefined && causeRule(outcome.cause).blamesEndpoint;
    if (blamed) load.failures += 1;
    if (blamed || outcome.class === 'server-error') observeFailure(load, now);
    else if (this.#headAt > 0) observeLatency(load, outcome.headMs, now);
    this.#listener.onSettled(this, outcome);
  }
}
