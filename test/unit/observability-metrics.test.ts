import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type AttemptRecord, EventHub, type RequestRecord } from '../../src/core/events.js';
import type { EndpointView, GatewayViews, RegistryView } from '../../src/core/views.js';
import { BoundedNames } from '../../src/observability/bounded-names.js';
import { BucketCounts, renderHistogram } from '../../src/observability/bucket-counts.js';
import { createMetrics, createTallies } from '../../src/observability/metrics.js';
import { WorkerMetrics } from '../../src/observability/worker-metrics.js';
import { ManualClock, settle } from '../support/manual-clock.js';
import { WorkingClock } from '../support/working-clock.js';

const request = (over: Partial<RequestRecord> = {}): RequestRecord => ({
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  at: 0,
  method: 'GET',
  path: '/goods/list',
  route: '/goods',
  service: 'goods',
  endpoint: '10.0.0.5:80',
  status: 200,
  cause: undefined,
  attempts: 1,
  durationMs: 12,
  upstreamMs: 11.9,
  bytesIn: 3,
  bytesOut: 70,
  client: '192.0.2.1',
  tries: [],
  ...over,
});

const endpoint = (over: Partial<EndpointView>): EndpointView => ({
  address: '10.0.0.5:80',
  keys: [],
  state: 'up',
  inFlight: 0,
  latencyEwmaMs: 0,
  latencyP50Ms: 0,
  latencyP99Ms: 0,
  requests: 0,
  failures: 0,
  since: 0,
  revision: '1',
  weight: 1,
  notEligible: null,
  held: null,
  ...over,
});

const attempt = (over: Partial<AttemptRecord> = {}): AttemptRecord => ({
  traceId: 'a'.repeat(32),
  service: 'goods',
  endpoint: 'a:1',
  outcome: 'ok',
  status: 200,
  cause: undefined,
  phase: 'settle',
  afterMs: 0.1,
  headMs: 1,
  durationMs: 2,
  reusedConnection: true,
  ...over,
});

const registry = (over: Partial<RegistryView> = {}): RegistryView => ({
  source: 'main',
  type: 'etcd',
  connected: true,
  ready: true,
  degraded: false,
  member: 'http://127.0.0.1:2379',
  revision: '42',
  confirmedMsAgo: 1500,
  drift: 0,
  services: 1,
  endpoints: 1,
  invalidValues: [],
  lastError: null,
  ...over,
});

function views(over: Partial<GatewayViews> = {}): GatewayViews {
  return {
    readiness: () => ({ ready: true, reasons: [] }),
    routes: () => [],
    services: () => [],
    service: () => undefined,
    registries: () => [],
    config: () => ({ generation: 3, file: null, loadedAt: 0, lastReloadSuccessful: true, errors: [] }),
    explain: () => assert.fail('nobody asked'),
    explainAt: () => assert.fail('nobody asked'),
    ...over,
  };
}

/** Every sample of the text by its series: `name{labels}` → value. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n').filter((candidate) => candidate !== '' && !candidate.startsWith('#'))) {
    const match = /^([a-z0-9_]+(?:\{.*\})?) (\S+)$/.exec(line);
    assert.ok(match, `not a sample: ${line}`);
    const [, series = '', value = ''] = match;
    assert.ok(!found.has(series), `twice in the text: ${series}`);
    found.set(series, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value));
  }
  return found;
}

/** What the metrics say after `announce` has announced. */
async function scraped(
  announce: (hub: EventHub) => void,
  over: Partial<GatewayViews> = {},
): Promise<Map<string, number>> {
  const hub = new EventHub();
  const metrics = createMetrics({ hub, views: views(over), clock: new ManualClock() });
  announce(hub);
  const text = await metrics.text();
  metrics.close();
  return samples(text);
}

describe('metrics of requests', () => {
  test('requests are counted by route, service, method and status', async () => {
    const found = await scraped((hub) => {
      hub.announce('request', request());
      hub.announce('request', request());
      hub.announce('request', request({ method: 'POST', status: 201 }));
    });
    const labels = 'route="/goods",service="goods"';
    assert.equal(found.get(`watchgate_requests_total{${labels},method="GET",code="200"}`), 2);
    assert.equal(found.get(`watchgate_requests_total{${labels},method="POST",code="201"}`), 1);
    assert.equal(found.get(`watchgate_request_bytes_total{${labels}}`), 9);
    assert.equal(found.get(`watchgate_response_bytes_total{${labels}}`), 210);
  });

  test('a method that no standard names is counted as other', async () => {
    const found = await scraped((hub) => {
      for (const method of ['PROPFIND', 'x'.repeat(50), 'get']) hub.announce('request', request({ method }));
    });
    assert.equal(
      found.get('watchgate_requests_total{route="/goods",service="goods",method="other",code="200"}'),
      3,
    );
  });

  test('a request without a route has empty labels and never its path', async () => {
    const found = await scraped((hub) => {
      for (let probe = 0; probe < 100; probe += 1) {
        hub.announce(
          'request',
          request({
            route: undefined,
            service: undefined,
            path: `/scan/${probe}`,
            status: 404,
            cause: 'NO_ROUTE',
          }),
        );
      }
    });
    const total = [...found].filter(([series]) => series.startsWith('watchgate_requests_total'));
    assert.deepEqual(total, [['watchgate_requests_total{route="",service="",method="GET",code="404"}', 100]]);
    assert.equal(found.get('watchgate_failures_total{service="",code="NO_ROUTE"}'), 100);
  });

  test('failures are counted by cause, and successes are not failures', async () => {
    const found = await scraped((hub) => {
      hub.announce('request', request());
      hub.announce('request', request({ status: 502, cause: 'CONNECT_FAILED' }));
      hub.announce('request', request({ status: 500 }));
    });
    const failures = [...found].filter(([series]) => series.startsWith('watchgate_failures_total'));
    assert.deepEqual(failures, [['watchgate_failures_total{service="goods",code="CONNECT_FAILED"}', 1]]);
  });

  test('durations fall into cumulative buckets, and the overhead is what the endpoint did not take', async () => {
    const found = await scraped((hub) => {
      hub.announce('request', request({ durationMs: 12, upstreamMs: 11.9 }));
      hub.announce('request', request({ durationMs: 300, upstreamMs: 299.9 }));
      hub.announce('request', request({ durationMs: 90_000, upstreamMs: 90_000 }));
    });
    const bucket = (le: string) =>
      found.get(`watchgate_request_duration_seconds_bucket{route="/goods",service="goods",le="${le}"}`);
    assert.deepEqual(['0.01', '0.025', '0.25', '0.5', '60', '+Inf'].map(bucket), [0, 1, 1, 2, 2, 3]);
    assert.equal(found.get('watchgate_request_duration_seconds_count{route="/goods",service="goods"}'), 3);
    assert.equal(found.get('watchgate_request_duration_seconds_sum{route="/goods",service="goods"}'), 90.312);
    assert.equal(found.get('watchgate_gateway_overhead_seconds_count{route="/goods"}'), 3);
    assert.equal(found.get('watchgate_gateway_overhead_seconds_bucket{route="/goods",le="0.00025"}'), 3);
  });

  test('a route that moved to another service has one overhead series', async () => {
    const found = await scraped((hub) => {
      hub.announce('request', request());
      hub.announce('request', request({ service: 'goods@dc2' }));
    });
    assert.equal(found.get('watchgate_gateway_overhead_seconds_count{route="/goods"}'), 2);
    assert.equal(
      found.get('watchgate_request_duration_seconds_count{route="/goods",service="goods@dc2"}'),
      1,
    );
  });
});

test('attempts, retries, refused retries, membership changes and relists are counted from their events', async () => {
  const found = await scraped((hub) => {
    hub.announce('attempt', attempt({ endpoint: 'a:1', outcome: 'connect-failed', status: 0 }));
    hub.announce('attempt', attempt({ endpoint: 'b:1', outcome: 'ok', status: 200 }));
    hub.announce('retry', { service: 'goods', reason: 'CONNECT_FAILED' });
    for (const service of ['goods', 'cart', 'goods']) hub.announce('retryRefused', { service });
    hub.announce('membership', {
      at: 0,
      source: 'main',
      service: 'goods',
      address: 'a:1',
      key: '/r/goods/a',
      change: 'left',
      state: 'gone',
      cause: 'removed',
      revision: '7',
      endpointsLeft: 1,
    });
    hub.announce('source', { at: 0, source: 'main', kind: 'relisted', detail: 'compacted' });
    hub.announce('source', { at: 0, source: 'main', kind: 'connected', detail: 'http://127.0.0.1:2379' });
  });
  assert.equal(found.get('watchgate_upstream_attempts_total{service="goods",outcome="connect-failed"}'), 1);
  assert.equal(found.get('watchgate_upstream_attempts_total{service="goods",outcome="ok"}'), 1);
  assert.equal(found.get('watchgate_retries_total{service="goods",reason="CONNECT_FAILED"}'), 1);
  assert.equal(found.get('watchgate_retries_refused_total{service="goods"}'), 2);
  assert.equal(found.get('watchgate_retries_refused_total{service="cart"}'), 1);
  assert.equal(
    found.get('watchgate_endpoint_changes_total{service="goods",change="left",cause="removed"}'),
    1,
  );
  const relists = [...found].filter(([series]) => series.startsWith('watchgate_registry_relists_total'));
  assert.deepEqual(relists, [['watchgate_registry_relists_total{source="main",reason="compacted"}', 1]]);
});

describe('metrics read from the views', () => {
  test('endpoints are counted in every state, also the states that none is in', async () => {
    const endpoints = [endpoint({ inFlight: 2 }), endpoint({ inFlight: 3 }), endpoint({ state: 'draining' })];
    const service = {
      name: 'goods',
      source: 'main',
      balance: 'random',
      routes: [],
      panicking: false,
      endpoints,
    } as const;
    const found = await scraped(() => {}, { services: () => [service] });
    const count = (state: string) => found.get(`watchgate_endpoints{service="goods",state="${state}"}`);
    assert.deepEqual(['up', 'ejected', 'draining', 'stale'].map(count), [2, 0, 1, 0]);
    assert.equal(found.get('watchgate_inflight_requests{service="goods"}'), 5);
  });

  test('a registry shows its connection, revision, age, drift and invalid values', async () => {
    const found = await scraped(() => {}, {
      registries: () => [
        registry({ drift: 2, invalidValues: [{ key: '/r/goods/x', reason: 'has no :port' }] }),
      ],
    });
    const value = (name: string) => found.get(`watchgate_registry_${name}{source="main"}`);
    const names = ['connected', 'revision', 'view_age_seconds', 'drift_total', 'invalid_values'];
    assert.deepEqual(names.map(value), [1, 42, 1.5, 2, 1]);
  });

  test('a view that was never confirmed is infinitely old, so that an alert on its age fires', async () => {
    const found = await scraped(() => {}, {
      registries: () => [registry({ connected: false, revision: '', confirmedMsAgo: null })],
    });
    assert.equal(found.get('watchgate_registry_view_age_seconds{source="main"}'), Number.POSITIVE_INFINITY);
    assert.equal(found.get('watchgate_registry_connected{source="main"}'), 0);
    assert.equal(found.has('watchgate_registry_revision{source="main"}'), false);
  });

  test('a refused configuration shows as 0 while its generation stays', async () => {
    const found = await scraped(() => {}, {
      config: () => ({
        generation: 3,
        file: 'r.yaml',
        loadedAt: 0,
        lastReloadSuccessful: false,
        errors: ['x'],
      }),
    });
    assert.equal(found.get('watchgate_config_last_reload_successful'), 0);
    assert.equal(found.get('watchgate_config_generation'), 3);
  });

  test('a service that has gone leaves the gauges at the next scrape', async () => {
    const service = {
      name: 'goods',
      source: 'main',
      balance: 'random',
      routes: [],
      panicking: false,
      endpoints: [],
    } as const;
    const services = [service];
    const metrics = createMetrics({
      hub: new EventHub(),
      views: views({ services: () => services }),
      clock: new ManualClock(),
    });
    assert.match(await metrics.text(), /watchgate_endpoints\{service="goods"/);
    services.pop();
    assert.doesNotMatch(await metrics.text(), /watchgate_endpoints\{service="goods"/);
    metrics.close();
  });
});

test('with many services others have their turn while they are written, and get the same when they ask', async () => {
  const services = Array.from(
    { length: 50 },
    (_, index) =>
      ({
        name: `service-${index}`,
        source: 'main',
        balance: 'least-loaded',
        routes: [],
        panicking: false,
        endpoints: [],
      }) as const,
  );
  const clock = new WorkingClock();
  const metrics = createMetrics({ hub: new EventHub(), views: views({ services: () => services }), clock });
  const texts = Promise.all([metrics.text(), metrics.text()]);
  let written = false;
  void texts.then(() => (written = true));
  await settle();
  assert.equal(written, false);
  for (let breaks = 0; !written; breaks += 1) {
    assert.ok(breaks < 100, 'no end');
    await clock.advance(4);
  }
  const [text, other] = await texts;
  assert.equal(text, other);
  assert.equal(text?.match(/^watchgate_endpoints\{/gm)?.length, 4 * services.length);
  metrics.close();
});

test('two scrapes of the same state agree, and scraping adds nothing to the counters', async () => {
  const hub = new EventHub();
  const metrics = createMetrics({
    hub,
    views: views({ registries: () => [registry({ drift: 1 })] }),
    clock: new ManualClock(),
  });
  hub.announce('request', request({ cause: 'CONNECT_FAILED', status: 502 }));
  const own = (text: string) => text.split('\n').filter((line) => line.startsWith('watchgate_'));
  const first = own(await metrics.text());
  assert.deepEqual(own(await metrics.text()), first);
  metrics.close();
});

test('the metrics of Node are there, also for a second gateway in the process', async () => {
  for (let gateway = 0; gateway < 2; gateway += 1) {
    const found = await scraped(() => {});
    assert.ok((found.get('process_resident_memory_bytes') ?? 0) > 0);
    assert.ok([...found.keys()].some((series) => series.startsWith('nodejs_eventloop_lag')));
  }
});

test('closed metrics no longer listen', async () => {
  const hub = new EventHub();
  const metrics = createMetrics({ hub, views: views(), clock: new ManualClock() });
  metrics.close();
  hub.announce('request', request());
  assert.doesNotMatch(await metrics.text(), /watchgate_requests_total\{/);
});

test('names beyond the limit are folded, so that a registry cannot grow the memory for ever', () => {
  const names = new BoundedNames(2);
  assert.deepEqual(
    ['a', 'b', 'c', 'a', 'd'].map((name) => names.label(name)),
    ['a', 'b', 'other', 'a', 'other'],
  );
});

test('a label value cannot break out of its quotes', () => {
  const counts = new BucketCounts([1]);
  counts.observe(-0.001);
  const text = renderHistogram('x', 'Help.', [{ labels: { route: 'a"} 1\nb\\' }, counts }]);
  assert.deepEqual(text.split('\n').slice(0, 3), [
    '# HELP x Help.',
    '# TYPE x histogram',
    String.raw`x_bucket{route="a\"} 1\nb\\",le="1"} 1`,
  ]);
});

test('what workers count adds up to what one process would have counted, each of it once', async () => {
  const hub = new EventHub();
  const traffic = (one: EventHub): void => {
    for (const durationMs of [1, 12, 12, 700]) one.announce('request', request({ durationMs }));
    one.announce('request', request({ method: 'POST', status: 503, cause: 'NO_ENDPOINT' }));
    one.announce(
      'request',
      request({ route: undefined, service: undefined, status: 404, cause: 'NO_ROUTE' }),
    );
    one.announce('attempt', attempt());
    one.announce('attempt', attempt({ outcome: 'reset' }));
    one.announce('retry', { service: 'goods', reason: 'UPSTREAM_RESET' });
    one.announce('retryRefused', { service: 'goods' });
  };
  const ofOne = await scraped((one) => {
    traffic(one);
    traffic(one);
  });
  const metrics = createMetrics({ hub, views: views(), clock: new ManualClock() }, { ownTraffic: false });
  for (const workerHub of [new EventHub(), new EventHub()]) {
    const tallies = createTallies(workerHub);
    traffic(workerHub);
    metrics.add(structuredClone(tallies.take()));
    // Nothing has happened since.
    metrics.add(tallies.take());
    tallies.close();
  }
  const ofWorkers = samples(await metrics.text());
  metrics.close();
  const counted = (found: Map<string, number>) =>
    [...found]
      .filter(([series]) =>
        /^watchgate_(requests|request|response|gateway|failures|upstream|retries)_/.test(series),
      )
      .map(([series, value]) => [series, Math.round(value * 1e9) / 1e9])
      .sort();
  assert.ok(counted(ofOne).length > 30);
  assert.deepEqual(counted(ofWorkers), counted(ofOne));
});

test('every metric there is stands in docs/metrics.md, and the other way round', async () => {
  const workers = new WorkerMetrics({ serving: () => 2, processes: () => new Map() });
  const metrics = createMetrics(
    { hub: new EventHub(), views: views(), clock: new ManualClock() },
    { processes: () => workers.registry() },
  );
  const text = await metrics.text();
  metrics.close();
  const docs = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const names = (found: Iterable<RegExpMatchArray>) =>
    [...new Set([...found].map((match) => match[1]))].sort();
  assert.deepEqual(
    names(docs.matchAll(/^\| `(watchgate_[a-z_]+)`/gm)),
    names(text.matchAll(/^# TYPE (watchgate_[a-z_]+) /gm)),
  );
});
