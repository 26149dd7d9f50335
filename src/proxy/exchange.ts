import type { Duplex } from 'node:stream';
import type { Cause } from '../core/causes.js';
import type { AttemptRecord } from '../core/events.js';
import { answered, type Outcome } from '../core/outcome.js';
import { serviceName } from '../core/route.js';
import { decideRetry } from '../resilience/retry.js';
import type { UpstreamConnection } from '../upstream/connection.js';
import type { AdmittedRequest } from './admitted-request.js';
import { Attempt, type AttemptListener } from './attempt.js';
import { attemptRecord } from './attempt-record.js';
import { ClientReply } from './client-reply.js';
import type { UnderWay } from './context.js';
import { Deadlines } from './deadlines.js';
import type { EndpointPool } from './endpoint-pool.js';
import { writeInformation } from './information.js';
import { closeLingering } from './lingering.js';
import { problem } from './problem.js';
import { endToEndFields, responseHead } from './response-headers.js';
import { openTunnel } from './tunnel.js';

/**
 * One admitted request from its first pick to its last byte: pick → connect → send → respond →
 * settle. Attempts report to it; it decides whether to try again, and answers the client once.
 */
export class Exchange implements AttemptListener, UnderWay {
  /** For the record: address of the last endpoint tried. */
  endpoint: string | undefined;
  attempts = 0;
  upstreamMs = 0;
  /** For the record: attempts that have ended. */
  readonly tries: AttemptRecord[] = [];
  cause: Cause | undefined;
  readonly #reply: ClientReply;
  readonly #admitted: AdmittedRequest;
  readonly #deadlines: Deadlines;
  readonly #tried: EndpointPool[] = [];
  #attempt: Attempt | undefined;
  #staleResets = 0;
  #holdsBudget = false;
  #stopWaiting: (() => void) | undefined;
  /** What follows in the connection cannot be read. */
  #unreadable = false;
  /** Whether it holds a place within the limit of its service. */
  #entered = false;
  /** The client has been answered, or is past answering. */
  #over = false;
  #tunnelled: { readonly bytesIn: number; readonly bytesOut: number } | undefined;

  constructor(admitted: AdmittedRequest) {
    this.#admitted = admitted;
    this.#deadlines = new Deadlines(
      admitted.context.deadlineClock,
      admitted.route.policy,
      admitted.startedAt,
    );
    this.#reply = new ClientReply(
      admitted.response,
      admitted.context.turn,
      () => this.#unreadable || admitted.context.draining() || admitted.body?.complete === false,
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
    const { service } = this.#admitted;
    service.budget.deposit();
    const admission = service.limit.admit(
      () => {
        this.#stopWaiting = undefined;
        this.#enter();
      },
      () => this.fail('OVERLOADED'),
    );
    if (admission === 'entered') this.#enter();
    else if (admission === 'refused') this.fail('OVERLOADED');
    else this.#stopWaiting = admission.cancel;
  }

  #enter(): void {
    this.#entered = true;
    this.#pick();
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
    if (this.#reply.flushed) {
      this.#reply.truncate();
      return;
    }
    const { status, reason, headers, body } = problem(cause, this.#admitted.traceId);
    this.#reply.drop();
    this.#reply.hold({ status, reason, headers });
    if (this.#admitted.method !== 'HEAD') this.#reply.write(body);
    this.#end([]);
  }

  #pick(): void {
    const pool = this.#choose();
    if (pool === undefined) this.fail(this.attempts === 0 ? 'NO_ENDPOINT' : (this.cause ?? 'NO_ENDPOINT'));
    else this.#connect(pool, false);
  }

  #choose(): EndpointPool | undefined {
    const { service, hashKey, context } = this.#admitted;
    return service.pick({ tried: this.#tried, now: context.clock.monotonic(), hashKey });
  }

  #connect(pool: EndpointPool, fresh: boolean): void {
    const wanted = { fresh, websocket: this.#admitted.websocket };
    const connection = pool.acquire(wanted);
    if (connection !== undefined) {
      this.#send(pool, connection);
      return;
    }
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
    const { clock } = this.#admitted.context;
    this.attempts += 1;
    this.#tried.push(pool);
    this.endpoint = pool.endpoint.address;
    const attempt = new Attempt(pool, connection, this, clock.monotonic);
    this.#attempt = attempt;
    attempt.spanId = this.#admitted.nextSpan?.();
    this.#deadlines.limitTry(() => attempt.abort('UPSTREAM_TIMEOUT'));
    const { method, target, headers, body, websocket } = this.#admitted;
    connection.send({ method, target, headers, body: body?.open(), websocket }, attempt);
  }

  onInformation(status: number, fields: readonly string[]): void {
    writeInformation(this.#admitted.response, status, fields);
  }

  onHead(attempt: Attempt, status: number, reason: string, fields: readonly string[]): boolean {
    this.#deadlines.cancel();
    const { traceId, acceptsTrailers, method, route } = this.#admitted;
    if (route.policy.retryOn.length > 0 && this.#retry(attempt, answered(status))) return false;
    const { headers, eventStream } = responseHead(fields, status, traceId, acceptsTrailers);
    const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
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

  onUpgrade(fields: readonly string[], socket: Duplex): void {
    const { route, response, context, traceId } = this.#admitted;
    const attempt = this.#attempt;
    this.#finish();
    const closeTunnel = openTunnel({
      response,
      fields,
      endpoint: socket,
      traceId,
      tunnels: context.tunnels,
      clock: context.clock,
      idleMs: route.policy.tunnelIdleTimeout,
      onClose: (bytesIn, bytesOut) => {
        this.#tunnelled = { bytesIn, bytesOut };
        attempt?.tunnelClosed();
      },
    });
    if (attempt !== undefined) {
      attempt.connection.longLived = true;
      attempt.connection.closeTunnel = closeTunnel;
    }
  }

  onSettled(attempt: Attempt, outcome: Outcome): void {
    const { context, service } = this.#admitted;
    const durationMs = context.clock.monotonic() - attempt.begunAt;
    this.upstreamMs += durationMs;
    if (this.#holdsBudget) service.budget.release();
    this.#holdsBudget = false;
    service.settled(attempt.pool, outcome);
    const record = attemptRecord(this.#admitted, attempt, outcome, durationMs);
    this.tries.push(record);
    context.announce('attempt', record);
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
    const { method, body, service, route, context } = this.#admitted;
    const decision = decideRetry(outcome, {
      method,
      bodyReplayable: body === undefined || body.replayable,
      attempts: this.attempts,
      maxAttempts: route.policy.maxAttempts,
      staleResets: this.#staleResets,
      retryOn: route.policy.retryOn,
      remainingMs: this.#deadlines.totalLeft,
    });
    if (!decision.retry) return false;
    const other = decision.sameEndpoint ? attempt.pool : this.#choose();
    if (other === undefined) return false;
    if (decision.sameEndpoint) this.#staleResets += 1;
    // A stale connection is no sign of overload, and happens once in a request: free, as in nginx.
    else if (!service.budget.tryAcquire()) return false;
    else this.#holdsBudget = true;
    this.cause = outcome.cause;
    context.announce('retry', { service: serviceName(route), reason: decision.reason });
    this.#connect(other, decision.sameEndpoint);
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
    if (this.#entered) this.#admitted.service.limit.leave();
    this.#entered = false;
  }
}
