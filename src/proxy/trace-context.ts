import { randomFillSync } from 'node:crypto';

/** W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** What the endpoint is sent: our own span as the parent. */
  readonly traceparent: string;
  /** Whether the client's trace goes on; when not, its `tracestate` must not be forwarded. */
  readonly continued: boolean;
}

/** Gives the hexadecimal text of `bytes` random bytes, not all zero. */
export type RandomHex = (bytes: number) => string;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/**
 * Goes on with the client's trace when its `traceparent` is valid (section 3.2), else starts one,
 * sampled. A later version than 00 is read as far as version 00 defines it.
 */
export function traceContext(traceparent: string | undefined, randomHex: RandomHex): TraceContext {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  const spanId = randomHex(8);
  if (match !== null) {
    const [, version, traceId = '', parentId, flags = '00', rest] = match;
    const versionValid = version !== 'ff' && (version !== '00' || rest === undefined);
    if (versionValid && traceId !== ZERO_TRACE && parentId !== ZERO_SPAN) {
      const sampled = Number.parseInt(flags, 16) & 1;
      return { traceId, traceparent: `00-${traceId}-${spanId}-0${sampled}`, continued: true };
    }
  }
  const traceId = randomHex(16);
  return { traceId, traceparent: `00-${traceId}-${spanId}-01`, continued: false };
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
