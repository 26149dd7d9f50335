import type { RoutesDocument } from '../config/schema.js';
import type { EndpointSet } from '../core/endpoint.js';
import type { ErrorCode } from '../core/errors.js';
import type { CertificateEvent, HealthChange } from '../core/events.js';
import type { AskedRequest, Explanation } from '../core/explanation.js';
import type { ProcessMetric, TrafficReport } from '../core/tally.js';
import type { ServiceView } from '../core/views.js';

/** All that a registry lists, as a worker begins with it. */
export interface SourceState {
  /** Name under `registries:`. */
  readonly source: string;
  /** Counts what the primary has told of this source; 0 before the first complete list. */
  readonly version: number;
  readonly revision: string;
  readonly sets: readonly EndpointSet[];
}

/** What makes one version into the next: a set without endpoints is a service that has gone. */
export type SourceChange = SourceState;

/** An endpoint that an operator keeps requests from. */
export interface DrainedEndpoint {
  readonly service: string;
  readonly address: string;
}

/** What a worker needs to begin. */
export interface WorkerStart {
  /** From 1; a worker that takes the place of a dead one has its number. */
  readonly worker: number;
  /** What the gateway began with; holds secrets, and both ends of the pipe belong to one user. */
  readonly document: RoutesDocument;
  /** What is in force now. Listeners are still those that the gateway began with. */
  readonly newest: RoutesDocument;
  readonly sources: readonly SourceState[];
  readonly drained: readonly DrainedEndpoint[];
}

/** Where a worker listens. */
export interface Listening {
  readonly address: string;
  readonly tlsAddress: string | undefined;
}

/** How things stand in a worker, and what has happened since it last told. */
export interface WorkerReport {
  readonly services: readonly ServiceView[];
  readonly traffic: TrafficReport;
  /** Node's own metrics; none unless asked for. */
  readonly process: readonly ProcessMetric[];
}

/** What the primary asks of a worker, answered in order. */
export type Question =
  | { readonly of: 'report'; readonly withProcess: boolean }
  | { readonly of: 'settings'; readonly document: RoutesDocument }
  | ({ readonly of: 'drained'; readonly drained: boolean } & DrainedEndpoint)
  | { readonly of: 'explain'; readonly request: AskedRequest };

export type Answer =
  | { readonly of: 'report'; readonly report: WorkerReport }
  | { readonly of: 'settings' }
  | { readonly of: 'drained'; readonly known: boolean }
  | { readonly of: 'explain'; readonly explanation: Explanation };

/** From the primary. `drain` and `stop` end the worker, the one when its requests are done. */
export type ToWorker =
  | { readonly kind: 'start'; readonly start: WorkerStart }
  | { readonly kind: 'change'; readonly change: SourceChange }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'drain' }
  | { readonly kind: 'stop' };

/** From a worker. `hello` asks for the start; `listed` says that it knows every registry's list. */
export type ToPrimary =
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly at: Listening }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'listed' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'traffic'; readonly traffic: TrafficReport }
  | { readonly kind: 'health'; readonly change: HealthChange }
  | { readonly kind: 'certificate'; readonly event: CertificateEvent }
  | ({ readonly kind: 'dead'; readonly source: string } & DrainedEndpoint);
