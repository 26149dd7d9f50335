import { Counter, Gauge, type Registry } from 'prom-client';
import type { Breaks } from '../core/breaks.js';
import type { EndpointState } from '../core/endpoint.js';
import type { GatewayViews, RegistryView, ServiceView } from '../core/views.js';

/** All are always there, so that a query for one never finds nothing. `gone` is only in the journal. */
const STATES = ['up', 'ejected', 'draining', 'stale'] as const satisfies readonly EndpointState[];

/** The metrics that say how things stand now: read from the views when scraped. */
export class ViewMetrics {
  readonly #views: GatewayViews;
  readonly #inFlight: Gauge<'service'>;
  readonly #endpoints: Gauge<'service' | 'state'>;
  readonly #panicking: Gauge<'service'>;
  readonly #sources: SourceMetrics;
  readonly #reloadSuccessful: Gauge;
  readonly #generation: Gauge;

  constructor(registry: Registry, views: GatewayViews) {
    const registers = [registry];
    this.#views = views;
    this.#sources = new SourceMetrics(registry);
    this.#inFlight = new Gauge({
      name: 'watchgate_inflight_requests',
      help: 'Attempts at endpoints begun and not ended.',
      labelNames: ['service'],
      registers,
    });
    this.#endpoints = new Gauge({
      name: 'watchgate_endpoints',
      help: 'Endpoints of a service, by state.',
      labelNames: ['service', 'state'],
      registers,
    });
    this.#panicking = new Gauge({
      name: 'watchgate_service_panicking',
      help: '1 while so few endpoints of a service are well that all of them are used, else 0.',
      labelNames: ['service'],
      registers,
    });
    this.#reloadSuccessful = new Gauge({
      name: 'watchgate_config_last_reload_successful',
      help: '1 when the last configuration read was taken, 0 when it was refused.',
      registers,
    });
    this.#generation = new Gauge({
      name: 'watchgate_config_generation',
      help: 'Number of the configuration in use; each one taken adds 1.',
      registers,
    });
  }

  async copy(breaks: Breaks): Promise<void> {
    this.#inFlight.reset();
    this.#endpoints.reset();
    this.#panicking.reset();
    for (const service of this.#views.services()) {
      await breaks.here();
      this.#copyService(service);
    }
    this.#sources.copy(this.#views.registries());
    const { lastReloadSuccessful, generation } = this.#views.config();
    this.#reloadSuccessful.set(lastReloadSuccessful ? 1 : 0);
    this.#generation.set(generation);
  }

  #copyService({ name, endpoints, panicking }: ServiceView): void {
    const byState = new Map<EndpointState, number>(STATES.map((state) => [state, 0]));
    let inFlight = 0;
    for (const endpoint of endpoints) {
      byState.set(endpoint.state, (byState.get(endpoint.state) ?? 0) + 1);
      inFlight += endpoint.inFlight;
    }
    this.#inFlight.set({ service: name }, inFlight);
    this.#panicking.set({ service: name }, panicking ? 1 : 0);
    for (const state of STATES) this.#endpoints.set({ service: name, state }, byState.get(state) ?? 0);
  }
}

class SourceMetrics {
  readonly #connected: Gauge<'source'>;
  readonly #revision: Gauge<'source'>;
  readonly #viewAge: Gauge<'source'>;
  readonly #invalidValues: Gauge<'source'>;
  readonly #drift: Counter<'source'>;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string): Gauge<'source'> =>
      new Gauge({ name, help, labelNames: ['source'], registers: [registry] });
    this.#connected = gauge('watchgate_registry_connected', '1 while the registry is being watched, else 0.');
    this.#revision = gauge('watchgate_registry_revision', 'Registry revision that the view is true for.');
    this.#viewAge = gauge(
      'watchgate_registry_view_age_seconds',
      'Time since the view was last proved current; +Inf before the first time.',
    );
    this.#invalidValues = gauge(
      'watchgate_registry_invalid_values',
      'Registry values that cannot be understood.',
    );
    this.#drift = new Counter({
      name: 'watchgate_registry_drift_total',
      help: 'Differences that a relist found and the watch had not told of; stays 0.',
      labelNames: ['source'],
      registers: [registry],
    });
  }

  copy(registries: readonly RegistryView[]): void {
    for (const metric of [this.#connected, this.#revision, this.#viewAge, this.#invalidValues, this.#drift]) {
      metric.reset();
    }
    for (const { source, connected, revision, confirmedMsAgo, invalidValues, drift } of registries) {
      this.#connected.set({ source }, connected ? 1 : 0);
      // A registry without revisions (DNS, a file) has no series rather than a false 0.
      if (revision !== '') this.#revision.set({ source }, Number(revision));
      this.#viewAge.set(
        { source },
        confirmedMsAgo === null ? Number.POSITIVE_INFINITY : confirmedMsAgo / 1000,
      );
      this.#invalidValues.set({ source }, invalidValues.length);
      this.#drift.inc({ source }, drift);
    }
  }
}
