import type { FirstPick, Forecast } from '../balancing/forecast.js';
import type { Cause } from '../core/causes.js';
import type { ExplainedEndpoint, ExplainedService } from '../core/explanation.js';
import type { EndpointView } from '../core/views.js';
import type { EndpointPool } from './endpoint-pool.js';
import type { Service } from './service.js';

/** A service as one request would find it. */
export interface ServiceFacts {
  readonly service: ExplainedService;
  readonly endpoints: readonly ExplainedEndpoint[];
  /** Why the request would not be sent; undefined when it would. */
  readonly refusal: Cause | undefined;
  /** The same in words. */
  readonly why: string;
}

export function explainService(service: Service, request: FirstPick): ServiceFacts {
  const forecast = service.forecast(request);
  const views = service.views();
  const { limit, policy } = service;
  const endpoints = explainEndpoints(views, forecast);
  return {
    service: {
      name: service.name,
      balance: policy.balance,
      compares: forecast.compares,
      key: policy.balance === 'consistent-hash' ? explainKey(request, forecast) : null,
      panicking: service.panicking,
      inFlight: limit.inFlight,
      maxInFlight: Number.isFinite(policy.maxInFlight) ? policy.maxInFlight : null,
      queued: limit.queued,
      admission: limit.outlook,
      connectTimeout: policy.connectTimeout,
      queueTimeout: policy.queueTimeout,
    },
    endpoints,
    ...refusalOf(service, forecast, endpoints),
  };
}

function explainEndpoints(
  views: readonly EndpointView[],
  { prospects }: Forecast<EndpointPool>,
): ExplainedEndpoint[] {
  const byAddress = new Map(prospects.map((one) => [one.candidate.endpoint.address, one]));
  return views.map((view) => {
    const prospect = byAddress.get(view.address);
    return {
      ...view,
      weightNow: prospect?.candidate.weight ?? null,
      score: prospect?.score ?? null,
      chance: prospect?.chance ?? 0,
      connection: prospect?.candidate.outlook ?? null,
    };
  });
}

function explainKey({ hashKey }: FirstPick, { key }: Forecast<EndpointPool>): ExplainedService['key'] {
  return {
    value: hashKey ?? null,
    hash: key?.hash ?? null,
    place: key?.place ?? null,
    places: key?.places ?? null,
    owner: key?.owner.endpoint.address ?? null,
  };
}

function refusalOf(
  { limit, policy }: Service,
  { prospects }: Forecast<EndpointPool>,
  endpoints: readonly ExplainedEndpoint[],
): Pick<ServiceFacts, 'refusal' | 'why'> {
  if (limit.outlook === 'refused') {
    const why = `${limit.inFlight} requests are in flight of maxInFlight ${policy.maxInFlight}, and ${limit.queued} wait`;
    return { refusal: 'OVERLOADED', why };
  }
  if (prospects.length === 0) return { refusal: 'NO_ENDPOINT', why: whyNone(endpoints) };
  const likely = prospects.filter(({ chance }) => chance > 0);
  if (likely.every(({ candidate }) => candidate.outlook === 'full')) {
    const why = 'every connection is busy, and as many requests wait for one as may';
    return { refusal: 'OVERLOADED', why };
  }
  return { refusal: undefined, why: '' };
}

function whyNone(endpoints: readonly ExplainedEndpoint[]): string {
  if (endpoints.length === 0) return 'the registry lists no endpoint of the service';
  return endpoints.length === 1
    ? 'its only endpoint takes no requests'
    : `none of its ${endpoints.length} endpoints takes requests`;
}
