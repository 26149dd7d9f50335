import type { Cause } from './causes.js';
import type { EndpointState } from './endpoint.js';
import type { BalanceMethod, RequestPolicy } from './route.js';
import type { EndpointView, JournalEntry } from './views.js';

/** A request that is asked about and not made. */
export interface AskedRequest {
  readonly method: string;
  /** Path and query, or an absolute `http://` URL, whose authority then is the host. */
  readonly url: string;
  readonly headers: readonly HeaderField[];
  /** Address it would come from; loopback when absent. */
  readonly client?: string | undefined;
}

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** What the gateway would do with a request at this moment. Nothing of it has been done. */
export interface Explanation {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly host: string | null;
    /** Address of the client, by the word of trusted proxies. */
    readonly client: string;
    /** What the question left open. */
    readonly assumed: readonly string[];
  };
  /** The one spelling of the path that is routed on and forwarded; null when the path is refused. */
  readonly path: string | null;
  /** The route that matched. */
  readonly route: string | null;
  /** Every route, in order of precedence. */
  readonly routes: readonly ExplainedRoute[];
  /** What the endpoint would be sent; null when the request gets no further than the routes. */
  readonly forwarded: { readonly target: string; readonly headers: readonly HeaderField[] } | null;
  readonly policy: RequestPolicy | null;
  readonly service: ExplainedService | null;
  readonly endpoints: readonly ExplainedEndpoint[];
  /** Where the request goes if the next pick is for it; null when that is left to chance, or nowhere. */
  readonly pick: string | null;
  /** What becomes of it when an attempt fails. */
  readonly retries: readonly ExplainedRetry[];
  /** The answer that the gateway would give itself; null when an endpoint answers. */
  readonly refusal: ExplainedRefusal | null;
}

export interface ExplainedRoute {
  readonly id: string;
  readonly fit: 'matched' | 'outranked' | 'other-host' | 'other-path';
  /** In words. */
  readonly why: string;
}

export interface ExplainedService {
  readonly name: string;
  readonly balance: BalanceMethod;
  /** What the scores of the endpoints are, and which of them wins. */
  readonly compares: string;
  /** With `consistent-hash`: what the request is told apart by, and where that lands on the ring. */
  readonly key: {
    /** Null when the request does not carry it; it goes where the load is least then. */
    readonly value: string | null;
    readonly hash: number | null;
    readonly place: number | null;
    readonly places: number | null;
    readonly owner: string | null;
  } | null;
  /** So few endpoints are well that all of them are used. */
  readonly panicking: boolean;
  readonly inFlight: number;
  /** Null when unlimited. */
  readonly maxInFlight: number | null;
  readonly queued: number;
  /** Whether the limit lets one more request in. */
  readonly admission: 'enters' | 'waits' | 'refused';
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Longest wait for a place within the limit, or for a connection, milliseconds. */
  readonly queueTimeout: number;
}

export interface ExplainedEndpoint extends EndpointView {
  /** Share of traffic now, less than `weight` while it warms up; null when it cannot be picked. */
  readonly weightNow: number | null;
  /** The number that the picker compares; null when it compares nothing or may not pick it. */
  readonly score: number | null;
  /** Probability that the next request goes there, 0 to 1. */
  readonly chance: number;
  /** How it would get a connection; null when it cannot be picked. */
  readonly connection: 'idle' | 'new' | 'waits' | 'full' | null;
}

export interface ExplainedRetry {
  /** What happens to the attempt, in words. */
  readonly when: string;
  readonly cause: Cause | 'status';
  /** Whether the request is tried again, and where. */
  readonly again: 'no' | 'same-endpoint' | 'another-endpoint';
}

export interface ExplainedRefusal {
  readonly code: Cause;
  readonly status: number;
  /** In words, for operators: clients are not told this. */
  readonly why: string;
}

/** What the gateway would have done with a request at a moment in the past, as far as that is still known. */
export interface PastExplanation
  extends Pick<Explanation, 'request' | 'path' | 'route' | 'routes' | 'policy' | 'retries' | 'refusal'> {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly configuration: {
    readonly generation: number;
    /** Since when the routes had been in force, milliseconds since the epoch. */
    readonly routesSince: number;
  };
  /** Name of the service that the route led to. */
  readonly service: string | null;
  /** So few endpoints were well that all of them were used. */
  readonly panicking: boolean;
  readonly endpoints: readonly PastEndpoint[];
}

/** An endpoint as it stood at a moment. */
export interface PastEndpoint {
  readonly address: string;
  readonly key: string;
  readonly state: EndpointState;
  /** When it had joined, milliseconds since the epoch; null when the journal has forgotten. */
  readonly since: number | null;
  readonly tookRequests: boolean;
  /** The last that the journal tells of it before the moment. */
  readonly last: JournalEntry | null;
}

/** There is no answer for that moment. */
export interface Unknown {
  /** The earliest moment for which there is one, milliseconds since the epoch. */
  readonly reachesTo: number;
}
