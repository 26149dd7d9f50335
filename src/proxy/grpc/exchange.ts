import type { IncomingHttpHeaders } from 'node:http2';
import type { Readable } from 'node:stream';
import { type Cause, causeRule } from '../../core/causes.js';
import type { Timer } from '../../core/clock.js';
import type { Outcome } from '../../core/outcome.js';
import { Place } from '../../resilience/place.js';
import { Attempts } from '../attempts.js';
import type { UnderWay } from '../context.js';
import { Deadlines } from '../deadlines.js';
import type { EndpointPool } from '../endpoint-pool.js';
import type { AdmittedCall } from './admitted-call.js';
import type { ResponseFields } from './answer.js';
import { GrpcAttempt, type GrpcAttemptListener } from './attempt.js';
import { GrpcReply } from './reply.js';
import { requestFields } from './request-fields.js';

/** Longer than a Node timer can wait is no limit. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * One call from its first pick to its last byte, as `Exchange` is for an ordinary request. What differs: both
 * directions may stream for as long as they like, it ends with trailers, and the client may have set a deadline.
 */
export class GrpcExchange implements GrpcAttemptListener, UnderWay {
  readonly attempts: Attempts;
  cause: Cause | undefined;
  readonly #call: AdmittedCall;
  readonly #reply: GrpcReply;
  readonly #place: Place;
  readonly #deadlines: Deadlines;
  #attempt: GrpcAttempt | undefined;
  #deadline: Timer | undefined;
  #over = false;
  #status = 0;

  constructor(call: AdmittedCall) {
    this.#call = call;
    this.attempts = new Attempts(call);
    this.#place = new Place(call.service.limit);
    this.#reply = new GrpcReply(call.response, call);
    this.#deadlines = new Deadlines(call.context.deadlineClock, call.route.policy, call.startedAt);
  }

  /** The status of HTTP that means how the call ended. */
  get status(): number {
    return this.cause === undefined ? this.#status : causeRule(this.cause).status;
  }

  get target(): string {
    return this.#call.target;
  }

  /** Bytes of body received from the client. */
  get bytesIn(): number {
    return this.#call.body?.bytes ?? 0;
  }

  /** Bytes of body sent to the client. */
  get bytesOut(): number {
    return this.#reply.bytes;
  }

  start(): void {
    const { service, timeout, context } = this.#call;
    if (timeout !== undefined && timeout <= LONGEST_TIMER)
      this.#deadline = context.clock.after(timeout, () => this.fail('DEADLINE_EXCEEDED'));
    service.budget.deposit();
    this.#place.take(
      () => this.#pick(),
      () => this.fail('OVERLOADED'),
    );
  }

  /** The client left. Nothing is held against the endpoint. */
  clientGone(): void {
    if (this.#over) return;
    this.cause = 'CLIENT_GONE';
    this.#finish();
    this.#attempt?.abort('CLIENT_GONE');
  }

  clientFailed(cause: Cause): boolean {
    if (this.#over) return false;
    this.fail(cause);
    return true;
  }

  /** Ends the call with an answer of the gateway's own, also in the middle of a response. */
  fail(cause: Cause): void {
    if (this.#over) return;
    this.cause = cause;
    this.#finish();
    this.#attempt?.abort(cause);
    this.#reply.fail(cause);
  }

  onHead(_attempt: GrpcAttempt, headers: ResponseFields, last: boolean): void {
    this.cause = undefined;
    this.#reply.head(headers, last);
    this.#limitSilence();
  }

  onData(chunk: Buffer): boolean {
    const keepsUp = this.#reply.write(chunk, () => {
      this.#deadlines.active(false);
      this.#attempt?.resume();
    });
    this.#deadlines.active(!keepsUp);
    return keepsUp;
  }

  onEnd(trailers: IncomingHttpHeaders): void {
    this.#finish();
    this.#reply.end(trailers);
  }

  onSettled(attempt: GrpcAttempt, outcome: Outcome): void {
    this.#status = outcome.status;
    this.attempts.settle(attempt, outcome);
  }

  onFailure(attempt: GrpcAttempt, outcome: Outcome): void {
    this.#deadlines.cancel();
    if (this.#over || outcome.cause === undefined) return;
    if (!attempt.headReceived && this.#retry(attempt, outcome)) return;
    this.fail(outcome.cause);
  }

  #pick(): void {
    const pool = this.attempts.choose();
    if (pool === undefined) this.fail('NO_ENDPOINT');
    else this.#begin(pool);
  }

  #begin(pool: EndpointPool): void {
    this.attempts.begin(pool);
    const { context } = this.#call;
    const call = { headers: () => requestFields(this.#call), body: () => this.#openBody() };
    const attempt = new GrpcAttempt(pool, call, this, context.clock.monotonic);
    this.#attempt = attempt;
    attempt.spanId = this.#call.nextSpan?.();
    attempt.begin();
  }

  /** The endpoint's time begins when it has all of the request: until then it may be waiting for the client. */
  #openBody(): Readable | undefined {
    const body = this.#call.body?.open();
    const limit = (): void => {
      if (this.#attempt?.headReceived === false)
        this.#deadlines.limitTry(() => this.#attempt?.abort('UPSTREAM_TIMEOUT'));
    };
    if (body === undefined) limit();
    else body.once('end', limit);
    return body;
  }

  /** Of both ends: a client that still sends keeps its call alive. */
  #limitSilence(): void {
    const { bytesIn } = this;
    this.#deadlines.limitSilence(true, () => {
      if (this.bytesIn > bytesIn) this.#limitSilence();
      else this.#attempt?.abort('UPSTREAM_TIMEOUT');
    });
  }

  /** Whether another attempt has begun. */
  #retry(attempt: GrpcAttempt, outcome: Outcome): boolean {
    const decision = this.attempts.decide(outcome, this.#deadlines.totalLeft, 0);
    if (!decision.retry) return false;
    // An endpoint that closes a connection in good order takes calls on the next one.
    const other = this.attempts.choose() ?? (outcome.class === 'reset' ? attempt.pool : undefined);
    if (other === undefined || !this.attempts.spend(attempt, outcome)) return false;
    this.cause = outcome.cause;
    this.attempts.announceRetry(decision.reason);
    this.#begin(other);
    return true;
  }

  #finish(): void {
    this.#over = true;
    this.#deadline?.cancel();
    this.#deadlines.cancel();
    this.attempts.giveBackBudget();
    this.#place.giveBack();
  }
}
