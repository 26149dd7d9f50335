import {
  type Attributes,
  createTraceState,
  type HrTime,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/** Who made the spans. */
export interface SpanOrigin {
  readonly resource: Resource;
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
}

export interface SpanFacts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly durationMs: number;
  readonly attributes: Attributes;
  /** The `error.type`; undefined when it is no error. */
  readonly error: string | undefined;
}

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

/**
 * A span that was over before it was made, in the form that the SDK's processors take. One class for all, since
 * a gateway makes thousands of them a second.
 */
export class FinishedSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly resource: Resource;
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
  readonly ended = true;
  readonly links: ReadableSpan['links'] = [];
  readonly events: ReadableSpan['events'] = [];
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #context: SpanContext;

  constructor(facts: SpanFacts, origin: SpanOrigin) {
    const { name, kind, context, parent, at, durationMs, attributes, error } = facts;
    this.name = name;
    this.kind = kind;
    this.#context = context;
    if (parent !== undefined) this.parentSpanContext = parent;
    this.startTime = hrTime(at);
    this.endTime = hrTime(at + durationMs);
    this.duration = hrTime(durationMs);
    this.status = error === undefined ? UNSET : { code: SpanStatusCode.ERROR, message: error };
    this.attributes = attributes;
    this.resource = origin.resource;
    this.instrumentationScope = origin.instrumentationScope;
  }

  spanContext(): SpanContext {
    return this.#context;
  }
}

/** Of a sampled span. */
export function contextOf(
  traceId: string,
  spanId: string,
  traceState: string | undefined,
  isRemote: boolean,
): SpanContext {
  const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote };
  return traceState === undefined ? context : { ...context, traceState: createTraceState(traceState) };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))];
}
