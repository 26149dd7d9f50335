import { collectDefaultMetrics, Registry } from 'prom-client';

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
