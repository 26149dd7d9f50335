import type { Duplex } from 'node:stream';
import type { Cause } from '../core/causes.js';
import { answered, type Outcome } from '../core/outcome.js';
import { Place } from '../resilience/place.js';
import type { UpstreamConnection } from '../upstream/connection.js';
import type { AdmittedRequest } from './admitted-request.js';
import { Attempt, type AttemptListener } from './attempt.js';
import { Attempts } from './attempts.js';
import { ClientReply } from './client-reply.js';
import type { UnderWay } from './context.js';
import { Deadlines } from './deadlines.js';
import type { EndpointPool } from './endpoint-pool.js';
import { writeInformation } from './information.js';
import { closeLingering } from './lingering.js';
import { type Problem, problem } from './problem.js';
import { endToEndFields, responseHead } from './response-headers.js';
import { StreamResponse } from './stream-response.js';
import { openTunnel } from './tunnel.js';

/**
 * One admitted request from its first pick to its last byte: pick → connect → send → respond →
 * settle. Attempts report to it; it decides whether to try again, and answers the client once.
 */
export class Exchange implements AttemptListener, UnderWay {
  readonly attempts: Attempts;
  readonly carriesAnyStatus: boolean;
  cause: Cause | undefined;
  readonly #reply: ClientReply;
  readonly #admitted: AdmittedRequest;
  readonly #place: Place;
  readonly #deadlines: Deadlines;
  #attempt: Attempt | undefined;
  #staleResets = 0;
  #stopWaiting: (() => void) | undefined;
  /** What follows in the connection cannot be read. */
  #unreadable = false;
  /** The client has been answered, or is past answering. */
  #over = false;
  #tunnelled: { readonly bytesIn: number; readonly bytesOut: number } | undefined;

  constructor(admitted: AdmittedRequest) {
    this.#admitted = admitted;
    this.attempts = new Attempts(admitted);
    this.#place = new Place(admitted.service.limit);
    const { context, response, body, route, startedAt } = admitted;
    this.carriesAnyStatus = !(response instanceof StreamResponse);
    this.#deadlines = new Deadlines(context.deadlineClock, route.policy, startedAt);
    this.#reply = new ClientReply(
      response,
      context.turn,
      () => this.#unreadable || context.draining() || body?.complete === false,
      () => this.#unsendable(),
    );
  }

  get status(): number {
    return this.#tunnelled === undefined ? this.#reply.status : 101;
  }

  /** For the record: path and query that endpoints are asked for. */
  get target(): string {
    return this.#admitted.target;
  }

  /** Bytes of body received from the client. */
  get bytesIn(): number {
    return this.#tunnelled?.bytesIn ?? this.#admitted.body?.bytes ?? 0;
  }

  /** Bytes of body sent to the client. */
  get bytesOut(): number {
    return this.#tunnelled?.bytesOut ?? this.#reply.bytes;
  }

  start(): void {
    this.#admitted.service.budget.deposit();
    this.#place.take(
      () => this.#pick(),
      () => this.fail('OVERLOADED'),
    );
  }

  /** The client left. Nothing is held against the endpoint. */
  clientGone(): void {
    this.#deadlines.cancel();
    if (this.#over) return;
    this.cause = 'CLIENT_GONE';
    this.#finish();
    this.#attempt?.abort('CLIENT_GONE');
  }

  /** The rest of the request cannot be read; there is nothing to wait for before the answer ends. */
  clientFailed(cause: Cause): boolean {
    if (this.#over) return false;
    this.#unreadable = true;
    this.fail(cause);
    return true;
  }

  /** Ends the request with an answer of the gateway's own, or by cutting a response that has begun. */
  fail(cause: Cause): void {
    if (this.#over) return;
    this.cause = cause;
    this.#finish();
    this.#attempt?.abort('CLIENT_GONE');
    if (this.#reply.flushed) return this.#reply.truncate();
    const own = problem(cause, this.#admitted.traceId);
    this.#reply.drop();
    this.#reply.hold(own);
    if (this.#admitted.method !== 'HEAD') this.#reply.write(own.body);
    this.#end([]);
  }

  /** Node would not write what the endpoint sent. The attempt may have ended well all the same. */
  #unsendable(): Problem {
    this.cause = 'BAD_UPSTREAM_RESPONSE';
    this.#finish();
    this.#attempt?.abort(this.cause);
    return problem(this.cause, this.#admitted.traceId);
  }

  #pick(): void {
    const pool = this.attempts.choose();
    if (pool !== undefined) this.#connect(pool, false);
    else this.fail(this.attempts.count === 0 ? 'NO_ENDPOINT' : (this.cause ?? 'NO_ENDPOINT'));
  }

  #connect(pool: EndpointPool, fresh: boolean): void {
    const wanted = { fresh, websocket: this.#admitted.websocket };
    const connection = pool.acquire(wanted);
    if (connection !== undefined) return this.#send(pool, connection);
    this.#stopWaiting = pool.wait(wanted, (granted) => {
      this.#stopWaiting = undefined;
      this.#deadlines.cancel();
      if (granted === undefined) this.#pick();
      else this.#send(pool, granted);
    });
    if (this.#stopWaiting === undefined) this.fail('OVERLOADED');
    else this.#deadlines.set(this.#admitted.service.policy.queueTimeout, () => this.fail('OVERLOADED'));
  }

  #send(pool: EndpointPool, connection: UpstreamConnection): void {
    const { method, target, headers, body, websocket, context, nextSpan } = this.#admitted;
    this.attempts.begin(pool);
    const attempt = new Attempt(pool, connection, this, context.clock.monotonic);
    this.#attempt = attempt;
    attempt.spanId = nextSpan?.();
    this.#deadlines.limitTry(() => attempt.abort('UPSTREAM_TIMEOUT'));
    connection.send({ method, target, headers, body: body?.open(), websocket }, attempt);
  }

  onInformation(status: number, fields: readonly string[]): void {
    writeInformation(this.#admitted.response, status, fields);
  }

  onHead(attempt: Attempt, status: number, reason: string, fields: readonly string[]): boolean {
    this.#deadlines.cancel();
    const { traceId, acceptsTrailers, method, route, response } = this.#admitted;
    if (route.policy.retryOn.length > 0 && this.#retry(attempt, answered(status))) return false;
    const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
    const trailers = acceptsTrailers && hasBody && response.useChunkedEncodingByDefault;
    const { headers, eventStream } = responseHead(fields, status, traceId, trailers);
    this.cause = undefined;
    this.#reply.hold({ status, reason, headers });
    if (eventStream) attempt.connection.longLived = true;
    if (hasBody) this.#deadlines.limitSilence(eventStream, () => attempt.abort('UPSTREAM_TIMEOUT'));
    return true;
  }

  onData(chunk: Buffer): boolean {
    const keepsUp = this.#reply.write(chunk);
    this.#deadlines.active(!keepsUp);
    if (keepsUp) return true;
    this.#admitted.response.once('drain', () => {
      this.#deadlines.active(false);
      this.#attempt?.resume();
    });
    return false;
  }

  onEnd(trailers: readonly string[]): void {
    this.#finish();
    this.#end(this.#admitted.acceptsTrailers ? endToEndFields(trailers) : []);
  }

  onUpgrade(fields: readonly string[], socket: Duplex): () => void {
    const { route, response, context, traceId } = this.#admitted;
    this.#finish();
    return openTunnel({
      response,
      fields,
      endpoint: socket,
      traceId,
      tunnels: context.tunnels,
      clock: context.clock,
      idleMs: route.policy.tunnelIdleTimeout,
      onClose: (bytesIn, bytesOut) => {
        this.#tunnelled = { bytesIn, bytesOut };
        this.#attempt?.tunnelClosed();
      },
    });
  }

  onSettled(attempt: Attempt, outcome: Outcome): void {
    this.attempts.settle(attempt, outcome);
  }

  onBreak(): void {
    this.#reply.flush();
  }

  onFailure(attempt: Attempt, outcome: Outcome): void {
    this.#deadlines.cancel();
    if (this.#over || outcome.cause === undefined) return;
    if (!attempt.headReceived && this.#retry(attempt, outcome)) return;
    this.fail(outcome.cause);
  }

  /** Whether another attempt has begun. */
  #retry(attempt: Attempt, outcome: Outcome): boolean {
    const decision = this.attempts.decide(outcome, this.#deadlines.totalLeft, this.#staleResets);
    if (attempt.informed || !decision.retry) return false;
    const stale = decision.sameEndpoint;
    const pool = stale ? attempt.pool : this.attempts.choose();
    // A stale connection is no sign of overload, and happens once in a request: free, as in nginx.
    if (pool === undefined || !(stale || this.attempts.spend(attempt, outcome))) return false;
    if (stale) this.#staleResets += 1;
    this.cause = outcome.cause;
    this.attempts.announceRetry(decision.reason);
    this.#connect(pool, stale);
    return true;
  }

  #end(trailers: [string, string][]): void {
    const { body, request, context } = this.#admitted;
    if (body !== undefined && !body.complete && !this.#unreadable) {
      closeLingering(request, context);
      body.discard();
    }
    this.#reply.end(trailers);
  }

  #finish(): void {
    this.#over = true;
    this.#deadlines.cancel();
    this.#stopWaiting?.();
    this.attempts.giveBackBudget();
    this.#place.giveBack();
  }
}
