import { Registry } from 'prom-client';
import { Breaks } from '../core/breaks.js';
import type { Clock } from '../core/clock.js';
import type { EventHub } from '../core/events.js';
import type { Tally } from '../core/tally.js';
import type { GatewayViews } from '../core/views.js';
import { BoundedNames } from './bounded-names.js';
import { EventMetrics } from './event-metrics.js';
import { processMetrics } from './process-metrics.js';
import { RequestMetrics } from './request-metrics.js';
import { ViewMetrics } from './view-metrics.js';

export interface Metrics {
  /**
   * Everything, in the Prometheus text format. Made with breaks, since thousands of services take tens of milliseconds;
   * who asks meanwhile gets the same.
   */
  text(): Promise<string>;
  readonly contentType: string;
  /** Counts what a worker counted. */
  add(tally: Tally): void;
  /** Stops listening. */
  close(): void;
}

export interface MetricsParts {
  readonly hub: EventHub;
  readonly views: GatewayViews;
  readonly clock: Clock;
}

export interface MetricsOptions {
  /** False when workers serve the requests, and tell of them in tallies. */
  readonly ownTraffic?: boolean;
  /** What stands beside the gateway's own metrics: those of this process when absent. */
  readonly processes?: () => Registry | Promise<Registry>;
}

/**
 * Counts what the hub announces and reads the views when asked for text. Owns its registry, so
 * that two gateways in one process do not mix.
 */
export function createMetrics(
  { hub, views, clock }: MetricsParts,
  { ownTraffic = true, processes = processMetrics }: MetricsOptions = {},
): Metrics {
  const registry = new Registry();
  const names = new BoundedNames();
  const requests = new RequestMetrics(registry, names);
  const events = new EventMetrics(registry, names);
  const standing = new ViewMetrics(registry, views);
  const stops = [
    ...(ownTraffic ? [hub.on('request', requests.record)] : []),
    hub.on('attempt', events.attempt),
    hub.on('retry', events.retry),
    hub.on('retryRefused', events.retryRefused),
    hub.on('membership', events.membership),
    hub.on('health', events.health),
    hub.on('source', events.source),
    hub.on('certificate', events.certificate),
  ];
  const write = async (): Promise<string> => {
    const breaks = new Breaks(clock);
    // At one moment: the count of a histogram is that of the counter beside it.
    requests.copy();
    const histograms = requests.histograms();
    events.copy();
    await standing.copy(breaks);
    const others = await inPieces(Registry.merge([registry, await processes()]), breaks);
    return `${others}\n\n${histograms}`;
  };
  let underWay: Promise<string> | undefined;
  return {
    contentType: registry.contentType,
    text() {
      underWay ??= write().finally(() => (underWay = undefined));
      return underWay;
    },
    add(tally) {
      requests.add(tally);
      events.add(tally);
    },
    close() {
      for (const stop of stops) stop();
    },
  };
}

async function inPieces(registry: Registry, breaks: Breaks): Promise<string> {
  const pieces: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    await breaks.here();
    pieces.push(await registry.getSingleMetricAsString(name));
  }
  return pieces.join('\n\n');
}

/** Counts what the data path of a worker announces, for the metrics of another process. */
export interface Tallies {
  /** What has been counted since the last call. */
  take(): Tally;
  /** Stops listening. */
  close(): void;
}

export function createTallies(hub: EventHub): Tallies {
  const names = new BoundedNames();
  const registry = new Registry();
  const requests = new RequestMetrics(registry, names);
  const events = new EventMetrics(registry, names);
  const stops = [
    hub.on('request', requests.record),
    hub.on('attempt', events.attempt),
    hub.on('retry', events.retry),
    hub.on('retryRefused', events.retryRefused),
  ];
  return {
    take: () => ({ ...requests.take(), ...events.take() }),
    close() {
      for (const stop of stops) stop();
    },
  };
}
