import type { Cause, Phase } from './causes.js';
import type { EndpointState } from './endpoint.js';
import type { OutcomeClass } from './outcome.js';
import type { RequestSpan } from './tracing.js';

/** One finished request. Holds no query string, header or body. */
export interface RequestRecord {
  readonly traceId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly route: string | undefined;
  readonly service: string | undefined;
  /** Address of the last endpoint tried. */
  readonly endpoint: string | undefined;
  readonly status: number;
  readonly cause: Cause | undefined;
  readonly attempts: number;
  readonly durationMs: number;
  /** Part of `durationMs` spent waiting for endpoints. */
  readonly upstreamMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly client: string;
  /** Each attempt, in the order in which they ended. */
  readonly tries: readonly AttemptRecord[];
  /** Absent when its spans are not kept. */
  readonly span?: RequestSpan | undefined;
}

/** One attempt that has ended. Durations in milliseconds. */
export interface AttemptRecord {
  readonly traceId: string;
  readonly service: string;
  readonly endpoint: string;
  readonly outcome: OutcomeClass;
  /** The endpoint's, or 0 when no response began. */
  readonly status: number;
  readonly cause: Cause | undefined;
  /** How far it got: `settle` is the end of a response. */
  readonly phase: Phase;
  /** From the start of the request to that of the attempt. */
  readonly afterMs: number;
  /** From the start of the attempt to the response head, or to the failure. */
  readonly headMs: number;
  readonly durationMs: number;
  readonly reusedConnection: boolean;
  /** Of its span; absent when none is kept. */
  readonly spanId?: string | undefined;
}

export interface RetryRecord {
  readonly service: string;
  /** The cause of the attempt that failed, or `status` for a listed response status. */
  readonly reason: Cause | 'status';
}

/** A retry that the request allowed, and the budget of its service did not. */
export interface RetryRefusal {
  readonly service: string;
}

export type MembershipCause =
  | 'registered'
  | 'updated'
  | 'removed'
  | 'invalid'
  | 'draining'
  | 'relisted'
  | 'held'
  | 'released'
  | 'operator';

/** An endpoint joined, left or changed its standing. */
export interface MembershipChange {
  readonly at: number;
  readonly source: string;
  readonly service: string;
  readonly address: string;
  /** The registry key that changed. */
  readonly key: string;
  readonly change: 'joined' | 'left' | 'changed';
  readonly state: EndpointState;
  readonly cause: MembershipCause;
  /**
   * Why the guard held or released it; of one that was removed, how its key went, once the registry has said so; what
   * is wrong with the value of one that left as invalid.
   */
  readonly reason?: string;
  /** Of the key, decimal; absent when it has none. */
  readonly lease?: string;
  /** Seconds for which the registry granted that lease; absent until it has been asked. */
  readonly leaseTtl?: number;
  /**
   * From when the news had come in until the next request could be picked by it, milliseconds. How long it was on
   * its way is not in it: a registry's revisions carry no time. Absent for what the gateway found out by itself.
   */
  readonly appliedMs?: number;
  readonly revision: string;
  /** Endpoints of the service after the change. */
  readonly endpointsLeft: number;
}

/** Why an endpoint that is registered takes no requests. */
export type HealthReason = 'refused' | 'consecutive-failures' | 'success-rate' | 'health-check';

/** An endpoint was taken out by its failures or its checks, or came back. */
export interface HealthChange {
  readonly at: number;
  readonly service: string;
  readonly address: string;
  readonly change: 'ejected' | 'returned';
  /** Null when it came back. */
  readonly reason: HealthReason | null;
  /** Of its registration, as in `MembershipChange`. */
  readonly key: string;
  readonly revision: string;
  readonly lease?: string;
  readonly leaseTtl?: number;
  /** From when it was found out until the next request could be picked by it, milliseconds. */
  readonly appliedMs: number;
  /** Endpoints of the service that new requests are sent to after the change. */
  readonly eligibleLeft: number;
  /** Of several processes that serve, the one that found it; absent when there is one. */
  readonly worker?: number;
}

/** What a registry said of a lease that it was asked about. */
export interface LeaseEvent {
  readonly at: number;
  readonly source: string;
  readonly lease: string;
  readonly lives: boolean;
  /** Seconds; 0 when it is gone. */
  readonly granted: number;
  /** Whether it was asked because a key of it had gone. */
  readonly ended: boolean;
}

export interface SourceEvent {
  readonly at: number;
  readonly source: string;
  /**
   * `degraded`: the view has not been proved current for 10 s, `confirmed`: it has again. `cold-start`: served from
   * the snapshot on disk. `snapshot`: something is wrong with that snapshot. `invalid-value`: a key's value cannot be
   * used, or cannot for another reason than before.
   */
  readonly kind:
    | 'connected'
    | 'disconnected'
    | 'relisted'
    | 'drift'
    | 'invalid-value'
    | 'fault'
    | 'degraded'
    | 'confirmed'
    | 'cold-start'
    | 'snapshot';
  /** For `relisted` the reason label of watchgate_registry_relists_total. */
  readonly detail: string;
}

export interface ConfigEvent {
  readonly at: number;
  readonly generation: number;
  readonly ok: boolean;
  /** What changed, or each error. */
  readonly detail: readonly string[];
}

/** The certificate of the front door was read, at the start or because its files changed. */
export interface CertificateEvent {
  readonly at: number;
  readonly ok: boolean;
  /** What it is for, or why it was refused. */
  readonly detail: string;
  /** Of the one in use, milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface GatewayEvents {
  request: RequestRecord;
  attempt: AttemptRecord;
  retry: RetryRecord;
  retryRefused: RetryRefusal;
  membership: MembershipChange;
  lease: LeaseEvent;
  health: HealthChange;
  source: SourceEvent;
  config: ConfigEvent;
  certificate: CertificateEvent;
}

export type Announce = <K extends keyof GatewayEvents>(kind: K, event: GatewayEvents[K]) => void;

/** One kind of event and who listens to it. */
class Topic<T> {
  /** Replaced, never edited: an event is told to all who listened when it began. */
  #listeners: readonly ((event: T) => void)[] = [];

  on(listener: (event: T) => void): () => void {
    const own = (event: T): void => listener(event);
    this.#listeners = [...this.#listeners, own];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== own);
    };
  }

  announce(event: T): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/**
 * The data path and discovery announce; observers listen. Listeners run synchronously in the order
 * in which they were added and must not throw.
 */
export class EventHub {
  readonly #topics: { [K in keyof GatewayEvents]: Topic<GatewayEvents[K]> } = {
    request: new Topic(),
    attempt: new Topic(),
    retry: new Topic(),
    retryRefused: new Topic(),
    membership: new Topic(),
    lease: new Topic(),
    health: new Topic(),
    source: new Topic(),
    config: new Topic(),
    certificate: new Topic(),
  };

  /** Returns the function that stops listening. */
  on<K extends keyof GatewayEvents>(kind: K, listener: (event: GatewayEvents[K]) => void): () => void {
    return this.#topics[kind].on(listener);
  }

  readonly announce: Announce = (kind, event) => this.#topics[kind].announce(event);
}
