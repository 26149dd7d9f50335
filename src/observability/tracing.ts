import type { Clock } from '../core/clock.js';
import type { EventHub } from '../core/events.js';
import type { TraceSampler } from '../core/tracing.js';
import { readTracingSettings, type Variables } from './tracing-settings.js';

/** The spans of requests, on their way to a collector. */
export interface Tracing {
  /** Undefined while tracing is off. */
  readonly sampler: TraceSampler | undefined;
  /** Stops listening and sends what is left, for some seconds at most. Never rejects. */
  close(): Promise<void>;
}

export interface TracingTools {
  readonly hub: EventHub;
  readonly clock: Clock;
  /** Told in one sentence. */
  readonly onProblem: (problem: string) => void;
}

const OFF: Tracing = { sampler: undefined, close: async () => {} };

/**
 * Turns tracing on when the standard `OTEL_*` variables ask for it. The SDK is not even loaded
 * otherwise: it would double the time that the gateway takes to begin.
 */
export async function openTracing(variables: Variables, tools: TracingTools): Promise<Tracing> {
  const settings = readTracingSettings(variables);
  if (settings === undefined) return OFF;
  for (const problem of settings.problems) tools.onProblem(problem);
  const { exportTraces } = await import('./otlp-traces.js');
  return exportTraces(settings, tools);
}
