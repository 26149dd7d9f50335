import type { EndpointState, Hold } from './endpoint.js';
import type { ConfigEvent, HealthChange, MembershipChange, SourceEvent } from './events.js';
import type { AskedRequest, Explanation, PastExplanation, Unknown } from './explanation.js';
import type { BalanceMethod, RequestPolicy } from './route.js';

/** What the admin port shows: plain data, made on demand from the live objects, never the objects. */
export interface EndpointView {
  readonly address: string;
  readonly keys: readonly string[];
  readonly state: EndpointState;
  readonly inFlight: number;
  readonly latencyEwmaMs: number;
  /** Of its last 128 answers, milliseconds to the response head; 0 before the first. */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly requests: number;
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly revision: string;
  readonly weight: number;
  /** Why it takes no new request; null when it does. */
  readonly notEligible: string | null;
  /** Why it is used although the registry does not list it; null when it does. */
  readonly held: Hold | null;
}

export interface ServiceView {
  readonly name: string;
  readonly source: string;
  readonly balance: BalanceMethod;
  readonly routes: readonly string[];
  /** So few endpoints are well that all of them are used. */
  readonly panicking: boolean;
  readonly endpoints: readonly EndpointView[];
}

export interface RouteView {
  readonly id: string;
  readonly host: string | null;
  readonly prefix: string;
  readonly service: string;
  readonly replacePrefix: string | null;
  readonly policy: RequestPolicy;
}

export interface InvalidValueView {
  readonly key: string;
  readonly reason: string;
}

export interface RegistryView {
  readonly source: string;
  readonly type: string;
  readonly connected: boolean;
  /** Whether the first complete list has arrived. */
  readonly ready: boolean;
  /** Served, but not proved current for 10 s, or read from the snapshot on disk. */
  readonly degraded: boolean;
  readonly member: string | null;
  readonly revision: string;
  /** Milliseconds since the view was last proved current; null before the first time. */
  readonly confirmedMsAgo: number | null;
  readonly drift: number;
  readonly services: number;
  readonly endpoints: number;
  readonly invalidValues: readonly InvalidValueView[];
  readonly lastError: string | null;
}

export interface ConfigView {
  readonly generation: number;
  readonly file: string | null;
  /** Milliseconds since the epoch. */
  readonly loadedAt: number;
  readonly lastReloadSuccessful: boolean;
  readonly errors: readonly string[];
}

export interface Readiness {
  readonly ready: boolean;
  /** One per reason why not. */
  readonly reasons: readonly string[];
}

/** One thing that happened. Flat, so that a reader of the API needs no nesting to filter on it. */
export type JournalEntry =
  | ({ readonly kind: 'membership' } & MembershipChange)
  | ({ readonly kind: 'health' } & HealthChange)
  | ({ readonly kind: 'source'; readonly event: SourceEvent['kind'] } & Omit<SourceEvent, 'kind'>)
  | ({ readonly kind: 'config' } & ConfigEvent);

export interface JournalQuery {
  /** Only changes of this service's endpoints. */
  readonly service?: string;
  /** Milliseconds since the epoch; entries at that moment or later. */
  readonly since?: number;
  /** The newest this many. */
  readonly limit?: number;
}

/** What happened lately, oldest first. */
export interface JournalView {
  entries(query?: JournalQuery): readonly JournalEntry[];
  /** From this moment on no entry has been forgotten, milliseconds since the epoch; 0 when none ever was. */
  reachesTo(): number;
  /** Calls `listener` for each new entry. Returns the function that stops it. */
  subscribe(listener: (entry: JournalEntry) => void): () => void;
}

export interface GatewayViews {
  readiness(): Readiness;
  routes(): readonly RouteView[];
  services(): readonly ServiceView[];
  service(name: string): ServiceView | undefined;
  registries(): readonly RegistryView[];
  config(): ConfigView;
  /** What would become of a request now. Does nothing of it. */
  explain(request: AskedRequest): Explanation | Promise<Explanation>;
  /** What would have become of it at a moment in milliseconds since the epoch, by what the journal tells. */
  explainAt(request: AskedRequest, at: number, journal: JournalView): PastExplanation | Unknown;
}

/** What an operator may do. Draining resolves to false when there is no such service or endpoint. */
export interface GatewayActions {
  drain(service: string, address: string): Promise<boolean>;
  undrain(service: string, address: string): Promise<boolean>;
  /** Loads the configuration again; resolves to the errors, none when it was taken. */
  reload(): Promise<readonly string[]>;
}
