import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import type { ProcessMetric } from '../core/tally.js';

let registry: Registry | undefined;

/**
 * Node's own metrics: CPU, memory, event loop lag, garbage collection, file descriptors.
 * They describe the process, not a gateway, and prom-client cannot take its observers away again,
 * so every gateway of a process shares this one registry.
 */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}

/** The same as plain data, for another process to show. */
export async function readProcessMetrics(): Promise<readonly ProcessMetric[]> {
  const metrics = await processMetrics().getMetricsAsJSON();
  return metrics.map(({ name, help, type, values }) => ({ name, help, type: String(type), values }));
}

/**
 * The metrics of several processes side by side, told apart by the label `worker`. Neither a sum nor a
 * mean would do: the memory of all says nothing of the one that leaks, and a process that begins again
 * is a counter that begins again.
 */
export function sideBySide(byWorker: ReadonlyMap<string, readonly ProcessMetric[]>): Registry {
  const labelled = [...byWorker].map(([worker, metrics]) =>
    metrics.map((metric) => ({
      ...metric,
      // No two have the same labels, so this keeps each as it is.
      aggregator: 'sum',
      values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, worker } })),
    })),
  );
  return AggregatorRegistry.aggregate(labelled);
}
