import { Registry } from 'prom-client';
import type { EventHub } from '../core/events.js';
import type { GatewayViews } from '../core/views.js';
import { BoundedNames } from './bounded-names.js';
import { EventMetrics } from './event-metrics.js';
import { processMetrics } from './process-metrics.js';
import { RequestMetrics } from './request-metrics.js';
import { ViewMetrics } from './view-metrics.js';

export interface Metrics {
  /** Everything, in the Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Stops listening. */
  close(): void;
}

/**
 * Counts what the hub announces and reads the views when asked for text. Owns its registry, so
 * that two gateways in one process do not mix.
 */
export function createMetrics(hub: EventHub, views: GatewayViews): Metrics {
  const registry = new Registry();
  const names = new BoundedNames();
  const requests = new RequestMetrics(registry, names);
  const events = new EventMetrics(registry, names);
  const standing = new ViewMetrics(registry, views);
  const all = Registry.merge([registry, processMetrics()]);
  const stops = [
    hub.on('request', requests.record),
    hub.on('attempt', events.attempt),
    hub.on('retry', events.retry),
    hub.on('membership', events.membership),
    hub.on('health', events.health),
    hub.on('source', events.source),
    hub.on('certificate', events.certificate),
  ];
  return {
    contentType: registry.contentType,
    async text() {
      requests.copy();
      events.copy();
      standing.copy();
      const histograms = requests.histograms();
      return `${await all.metrics()}\n${histograms}`;
    },
    close() {
      for (const stop of stops) stop();
    },
  };
}
