import type { Endpoint } from './endpoint.js';
import { RecentLatency } from './recent-latency.js';

/**
 * What the data path counts about one endpoint. Attempts write it; pickers and views read it.
 * It outlives a change of weight or metadata, so that the counts stay true.
 */
export interface EndpointLoad {
  /** Attempts begun and not yet settled. */
  inFlight: number;
  requests: number;
  failures: number;
  /** Mean time to the response head, milliseconds, as of `latencyAt`; 0 before the first. */
  latencyEwmaMs: number;
  /** Milliseconds on the monotonic clock. */
  latencyAt: number;
  /** The last times to the response head; undefined before the first. */
  recent: RecentLatency | undefined;
  /** Recent failures, decaying, as of `pressureAt`. */
  pressure: number;
  pressureAt: number;
}

/** An endpoint that may be picked now, with its load. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly load: EndpointLoad;
  /** Share of traffic now: the registered weight, or less while it warms up. Above 0. */
  readonly weight: number;
}

export function newLoad(): EndpointLoad {
  return {
    inFlight: 0,
    requests: 0,
    failures: 0,
    latencyEwmaMs: 0,
    latencyAt: 0,
    recent: undefined,
    pressure: 0,
    pressureAt: 0,
  };
}

/** Time in which a measured latency loses all but 1/e of its say. */
const LATENCY_DECAY_MS = 10_000;
/** The same for a failure. */
const PRESSURE_DECAY_MS = 2_000;
/** Less than this of a failure counts for nothing. */
const FORGOTTEN = 0.05;
/** What an endpoint that was never measured is expected to take. */
const UNMEASURED_MS = 1;

/**
 * Counts one time to the response head. A slower one than expected counts in full at once, quicker
 * ones by the time that has passed (Finagle's Peak EWMA).
 */
export function observeLatency(load: EndpointLoad, ms: number, now: number): void {
  const share = load.latencyEwmaMs === 0 ? 0 : Math.exp((load.latencyAt - now) / LATENCY_DECAY_MS);
  load.latencyEwmaMs = ms > load.latencyEwmaMs ? ms : load.latencyEwmaMs * share + ms * (1 - share);
  load.latencyAt = now;
  load.recent ??= new RecentLatency();
  load.recent.note(ms);
}

/** Milliseconds an answer is expected to take; an old measurement fades, so that the endpoint is tried again. */
export function expectedLatency(load: EndpointLoad, now: number): number {
  if (load.latencyEwmaMs === 0) return UNMEASURED_MS;
  return Math.max(UNMEASURED_MS, load.latencyEwmaMs * Math.exp((load.latencyAt - now) / LATENCY_DECAY_MS));
}

/** Counts one failure. What was known of the latency does not fade for it: to fail fast is not to answer soon. */
export function observeFailure(load: EndpointLoad, now: number): void {
  load.pressure = failurePressure(load, now) + 1;
  load.pressureAt = now;
  load.latencyAt = now;
}

/** Recent failures, each fading over some seconds, and then gone: among idle endpoints a trace would decide every pick. */
export function failurePressure(load: EndpointLoad, now: number): number {
  if (load.pressure === 0) return 0;
  const pressure = load.pressure * Math.exp((load.pressureAt - now) / PRESSURE_DECAY_MS);
  return pressure < FORGOTTEN ? 0 : pressure;
}
