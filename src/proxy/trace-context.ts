import { randomFillSync } from 'node:crypto';
import type { TraceSampler } from '../core/tracing.js';
import { isTraceState } from './trace-state.js';

/** W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** The gateway's own span: 16 of them. */
  readonly spanId: string;
  /** The client's span; undefined when the trace begins here. */
  readonly parentId: string | undefined;
  /** What the endpoint is sent: our own span as the parent. */
  readonly traceparent: string;
  /** Goes on to the endpoint; undefined when there is none, or none that belongs to this trace. */
  readonly traceState: string | undefined;
  /** Whether spans are kept of the request. False while tracing is off. */
  readonly recorded: boolean;
}

/** What a client says of its trace, as it came. */
export interface ReceivedTrace {
  readonly traceparent: string | undefined;
  /** Its lines joined by commas. */
  readonly tracestate: string | undefined;
}

/** Gives the hexadecimal text of `bytes` random bytes, not all zero. */
export type RandomHex = (bytes: number) => string;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/**
 * Goes on with the client's trace when its `traceparent` is valid (section 3.2), else starts one,
 * and does not look at a `tracestate` without it. A later version than 00 is read as far as version
 * 00 defines it. Without a sampler the sampled flag goes on as it came, and a new trace has it set.
 */
export function traceContext(
  received: ReceivedTrace,
  randomHex: RandomHex,
  sampler: TraceSampler | undefined,
): TraceContext {
  const match = received.traceparent === undefined ? null : TRACEPARENT.exec(received.traceparent);
  if (match !== null) {
    const spanId = randomHex(8);
    const [, version, traceId = '', parentId, flags = '00', rest] = match;
    const versionValid = version !== 'ff' && (version !== '00' || rest === undefined);
    if (versionValid && traceId !== ZERO_TRACE && parentId !== ZERO_SPAN) {
      const { tracestate } = received;
      const traceState = tracestate !== undefined && isTraceState(tracestate) ? tracestate : undefined;
      const parentSampled = (Number.parseInt(flags, 16) & 1) === 1;
      const recorded = sampler?.(traceId, parentSampled);
      const traceparent = traceparentOf(traceId, spanId, recorded ?? parentSampled);
      return { traceId, spanId, parentId, traceparent, traceState, recorded: recorded ?? false };
    }
  }
  // Both in one draw. That one of them be all zero is as likely as that two traces get the same id.
  const drawn = randomHex(24);
  const traceId = drawn.slice(0, 32);
  const spanId = drawn.slice(32);
  const recorded = sampler?.(traceId, undefined);
  const traceparent = traceparentOf(traceId, spanId, recorded ?? true);
  return {
    traceId,
    spanId,
    parentId: undefined,
    traceparent,
    traceState: undefined,
    recorded: recorded ?? false,
  };
}

/** Section 3.2. Of the flags only the one that version 00 defines is ever set. */
export function traceparentOf(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`;
}

const POOL_BYTES = 4096;

/** Random hexadecimal from a pool that is filled by the system in one call for some 170 requests. */
export function pooledRandomHex(): RandomHex {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  const draw: RandomHex = (bytes) => {
    if (used + bytes > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const text = pool.toString('hex', used, used + bytes);
    used += bytes;
    return /[^0]/.test(text) ? text : draw(bytes);
  };
  return draw;
}
