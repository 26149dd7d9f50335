import type { EndpointView, ServiceView } from '../core/views.js';

/**
 * What several workers see of the same services, as one view. Requests, failures and those in flight
 * are summed, the latency is the mean by requests (of the 99th percentiles the worst), and an endpoint that any worker has ejected is ejected.
 */
export function mergeServices(reports: readonly (readonly ServiceView[])[]): Map<string, ServiceView> {
  const seen = grouped(reports.flat(), ({ name }) => name);
  return new Map([...seen].map(([name, views]) => [name, mergeService(views)]));
}

function mergeService(views: readonly [ServiceView, ...ServiceView[]]): ServiceView {
  const seen = grouped(
    views.flatMap(({ endpoints }) => endpoints),
    ({ address }) => address,
  );
  return {
    ...views[0],
    panicking: views.some(({ panicking }) => panicking),
    endpoints: [...seen.values()].map((endpoints) => mergeEndpoint(endpoints, views.length)),
  };
}

function mergeEndpoint(views: readonly [EndpointView, ...EndpointView[]], workers: number): EndpointView {
  const sum = (of: (view: EndpointView) => number): number => views.reduce((all, view) => all + of(view), 0);
  const requests = sum((view) => view.requests);
  const mean = (of: (view: EndpointView) => number): number =>
    requests === 0 ? 0 : sum((view) => of(view) * view.requests) / requests;
  const ejecting = views.filter(({ state }) => state === 'ejected');
  const [ejected] = ejecting;
  const shown = ejected ?? views[0];
  const partly = ejecting.length > 0 && ejecting.length < workers;
  return {
    ...shown,
    notEligible: partly
      ? `${shown.notEligible ?? 'ejected'}, by ${ejecting.length} of ${workers} workers`
      : shown.notEligible,
    inFlight: sum((view) => view.inFlight),
    requests,
    failures: sum((view) => view.failures),
    latencyEwmaMs: mean((view) => view.latencyEwmaMs),
    latencyP50Ms: mean((view) => view.latencyP50Ms),
    latencyP99Ms: Math.max(...views.map((view) => view.latencyP99Ms)),
  };
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, [T, ...T[]]> {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
