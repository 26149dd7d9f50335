import type { AttemptRecord, RequestRecord } from './events.js';
import type { JournalEntry } from './views.js';

/** `failed`: a 5xx. `refused`: another failure that the gateway knows the cause of. `sampled`: one of the rest. */
export type KeptAs = 'failed' | 'refused' | 'sampled';

/** A request that is remembered with its attempts. Holds no query string, header or body. */
export interface RecordedRequest extends Omit<RequestRecord, 'span'> {
  readonly kept: KeptAs;
}

/** Requests of late that are remembered. */
export interface RecorderView {
  /** Every remembered request of a trace, oldest first; a client may send many under one id. */
  find(traceId: string): readonly RecordedRequest[];
  /** The newest failed and refused requests, oldest first. */
  failures(limit: number): readonly RecordedRequest[];
}

type Nullable<T> = {
  readonly [K in keyof T]: undefined extends T[K] ? Exclude<T[K], undefined> | null : T[K];
};

/** A remembered request as the admin API shows it: null for what it did not have. */
export interface WhyRequest extends Nullable<Omit<RecordedRequest, 'tries' | 'attempts'>> {
  readonly attempts: readonly Nullable<Omit<AttemptRecord, 'spanId'>>[];
}

/** What is known of a trace. */
export interface WhyAnswer {
  readonly traceId: string;
  /** Oldest first; more than one when a client sent several under the same id. */
  readonly requests: readonly WhyRequest[];
  /** Changes around them: of their services, of the registries and of the configuration. */
  readonly journal: readonly JournalEntry[];
}
