import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readRows } from '../../src/cli/endpoint-rows.js';
import { readSamples } from '../../src/cli/metrics-text.js';
import { plain } from '../../src/cli/paint.js';
import { PIPE } from '../../src/cli/table.js';
import { compareSamples, quantile } from '../../src/cli/top-rates.js';
import { takeSample } from '../../src/cli/top-sample.js';
import { TopScreen } from '../../src/cli/top-screen.js';
import { formatTop, sortServices } from '../../src/cli/top-table.js';
import { endpointView, serviceView } from '../support/fake-gateway.js';

/** A page of metrics of one service: requests by status, and how many took at most 10 ms, 100 ms and any time. */
function page(codes: Readonly<Record<string, number>>, buckets: readonly [number, number, number]): string {
  const labels = 'route="/goods",service="goods"';
  const bounds = ['0.01', '0.1', '+Inf'];
  return [
    '# TYPE watchgate_requests_total counter',
    ...Object.entries(codes).map(
      ([code, count]) => `watchgate_requests_total{${labels},method="GET",code="${code}"} ${count}`,
    ),
    ...bounds.map(
      (bound, index) =>
        `watchgate_request_duration_seconds_bucket{${labels},le="${bound}"} ${buckets[index]}`,
    ),
    'watchgate_requests_total{route="",service="",method="GET",code="404"} 7',
  ].join('\n');
}

const endpoints = (requests: number, failures = 0) =>
  readRows([serviceView('goods', [endpointView('10.0.0.5:80', { requests, failures, inFlight: 2 })])]);

describe('what passed between two samples', () => {
  const before = takeSample(1_000, endpoints(10), page({ 200: 100 }, [90, 100, 100]));
  const after = takeSample(3_000, endpoints(110, 5), page({ 200: 290, 503: 10 }, [180, 300, 300]));

  test('is told for each second, with the share of errors and the p99', () => {
    const [goods] = compareSamples(before, after);
    // 90 of 200 within 10 ms, the other 110 within 100 ms: the 198th is 108/110 of the way.
    assert.equal(goods?.p99Ms?.toFixed(6), ((0.01 + (0.09 * 108) / 110) * 1000).toFixed(6));
    assert.deepEqual(
      [{ ...goods, p99Ms: 98 }],
      [
        {
          service: 'goods',
          requestsPerSecond: 100,
          errorShare: 0.05,
          p99Ms: 98,
          inFlight: 2,
          endpoints: [
            {
              address: '10.0.0.5:80',
              state: 'up',
              requestsPerSecond: 50,
              errorShare: 0.05,
              latencyMs: 1.5,
              inFlight: 2,
            },
          ],
        },
      ],
    );
  });

  test('begins anew with a gateway that was restarted', () => {
    const restarted = takeSample(5_000, endpoints(6), page({ 200: 8 }, [8, 8, 8]));
    const [goods] = compareSamples(after, restarted);
    assert.equal(goods?.requestsPerSecond, 4);
    assert.equal(goods?.endpoints[0]?.requestsPerSecond, 3);
  });

  test('has no share and no p99 where nothing passed', () => {
    const [goods] = compareSamples(after, { ...after, at: 5_000 });
    assert.deepEqual([goods?.requestsPerSecond, goods?.errorShare, goods?.p99Ms], [0, null, null]);
  });

  test('a quantile above every finite bound is the last of them', () => {
    assert.equal(
      quantile(0.99, [
        [0.1, 1],
        [Infinity, 100],
      ]),
      0.1,
    );
    assert.equal(quantile(0.5, []), null);
  });
});

test('label values of metrics are read as they were before they were written', () => {
  const [sample] = readSamples('m{a="say \\"hi\\"",b="x,y=\\\\"} +Inf', new Set(['m']));
  assert.deepEqual(sample, { name: 'm', labels: { a: 'say "hi"', b: 'x,y=\\' }, value: Infinity });
});

const idle = { requestsPerSecond: 0, errorShare: null, inFlight: 0 };
const SERVICES = [
  {
    ...{ service: 'cart', requestsPerSecond: 3, errorShare: 0.4, p99Ms: 12_345, inFlight: 1 },
    endpoints: [{ ...idle, address: '10.0.0.9:80', state: 'ejected', latencyMs: 0 }],
  },
  {
    ...{ service: 'goods', requestsPerSecond: 1234, errorShare: 0.0001, p99Ms: 7.25, inFlight: 3 },
    endpoints: [
      { ...idle, address: '10.0.0.5:80', state: 'up', latencyMs: 3 },
      {
        address: '10.0.0.6:80',
        state: 'up',
        requestsPerSecond: 40,
        errorShare: 0,
        latencyMs: 2,
        inFlight: 3,
      },
    ],
  },
];

describe('the table of top', () => {
  test('has each service above its endpoints, the busiest first', () => {
    assert.deepEqual(formatTop(sortServices(SERVICES, 'requests'), PIPE), [
      'SERVICE        STATE    REQ/S  ERRORS    P99  LATENCY  IN-FLIGHT',
      'goods                    1234   <0.1%  7.3ms                   3',
      '  10.0.0.6:80  up        40.0      0%           2.0ms          3',
      '  10.0.0.5:80  up           0       -           3.0ms          0',
      'cart                      3.0     40%  12.3s                   1',
      '  10.0.0.9:80  ejected      0       -           0.0ms          0',
    ]);
  });

  test('is sorted by what is asked for', () => {
    const first = (order: 'name' | 'errors' | 'p99' | 'requests') =>
      sortServices(SERVICES, order)[0]?.service;
    assert.deepEqual(
      [first('name'), first('errors'), first('p99'), first('requests')],
      ['cart', 'cart', 'cart', 'goods'],
    );
    assert.equal(sortServices(SERVICES, 'name')[1]?.endpoints[0]?.address, '10.0.0.5:80');
  });
});

describe('the screen of top', () => {
  function open(columns: number, rows: number) {
    const written: string[] = [];
    const screen = { columns, rows, write: (text: string) => written.push(text) };
    const top = new TopScreen({ screen, paint: plain, title: 'http://gw:9901', order: 'requests' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const lines = () => (written.at(-1) ?? '').replace(/\x1b\[[?\d]*[A-Za-z]/g, '').split('\r\n');
    return { top, written, lines };
  }

  test('says what it watches, takes keys that sort, and stays when the gateway is lost', () => {
    const { top, lines } = open(90, 20);
    top.enter();
    assert.equal(lines()[0], 'http://gw:9901: measuring, by requests');
    top.show(SERVICES);
    assert.match(lines()[3] ?? '', /^goods /);
    top.press('n');
    top.press('x');
    assert.match(lines()[0] ?? '', /live, by name$/);
    assert.match(lines()[3] ?? '', /^cart /);
    top.lost('ECONNREFUSED');
    assert.match(lines()[0] ?? '', /CONNECTION LOST.*ECONNREFUSED/);
    assert.match(lines()[3] ?? '', /^cart /);
  });

  test('never draws more than the terminal holds, and gives it back', () => {
    const { top, written, lines } = open(32, 7);
    top.show(SERVICES);
    assert.equal(lines().length, 7);
    for (const line of lines()) assert.ok(line.length <= 32, line);
    assert.equal(lines()[4], '… and 4 more');
    top.leave();
    assert.equal(written.at(-1), '\x1b[?25h\x1b[?1049l');
  });
});
