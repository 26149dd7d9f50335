import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fleet, MARK_MS, needsAttention } from '../../src/admin/dashboard/client/fleet.js';
import { ageText, latencyText, rateText, shareText } from '../../src/admin/dashboard/client/format.js';
import { Meter } from '../../src/admin/dashboard/client/meter.js';
import type { EndpointView } from '../../src/core/views.js';
import { endpointView, serviceView } from '../support/fake-gateway.js';

const A = '10.0.0.5:80';
const B = '10.0.0.6:80';

function goods(...endpoints: readonly EndpointView[]) {
  return [serviceView('goods', endpoints)];
}

/** `address state mark` of every endpoint that is shown. */
function shown(fleet: Fleet): string[] {
  const lines = fleet.lines().flatMap(({ endpoints }) => endpoints);
  return lines.map(({ view, mark }) => `${view.address} ${view.state} ${mark}`);
}

describe('what the page makes of one snapshot after another', () => {
  test('the first one is no news; who comes later has joined, for a moment', () => {
    const fleet = new Fleet();
    fleet.take(goods(endpointView(A)), 0);
    assert.deepEqual(shown(fleet), [`${A} up null`]);
    fleet.take(goods(endpointView(A), endpointView(B)), 1_000);
    assert.deepEqual(shown(fleet), [`${A} up null`, `${B} up joined`]);
    fleet.idle(1_000 + MARK_MS);
    assert.deepEqual(shown(fleet), [`${A} up null`, `${B} up null`]);
  });

  test('who left stays in sight for a moment, and a service with it', () => {
    const fleet = new Fleet();
    fleet.take(goods(endpointView(A)), 0);
    fleet.take([], 1_000);
    assert.deepEqual(shown(fleet), [`${A} gone left`]);
    fleet.idle(1_000 + MARK_MS);
    assert.deepEqual(fleet.lines(), []);
  });

  test('a service that is still listed stays when its last endpoint is out of sight', () => {
    const fleet = new Fleet();
    fleet.take(goods(endpointView(A)), 0);
    fleet.take(goods(), 1_000);
    fleet.idle(1_000 + MARK_MS);
    assert.deepEqual(
      fleet.lines().map(({ view, endpoints }) => [view.name, endpoints.length]),
      [['goods', 0]],
    );
  });

  test('another state or reason is a change, and needs attention', () => {
    const fleet = new Fleet();
    fleet.take(goods(endpointView(A), endpointView(B)), 0);
    assert.deepEqual(fleet.lines().map(needsAttention), [false]);
    fleet.take(
      goods(endpointView(A, { state: 'ejected', notEligible: 'ejected: refused' }), endpointView(B)),
      500,
    );
    assert.deepEqual(shown(fleet), [`${A} ejected changed`, `${B} up null`]);
    assert.deepEqual(fleet.lines().map(needsAttention), [true]);
  });
});

describe('rates from counters', () => {
  const counters = (requests: number, failures = 0, since = 1) => ({
    requests,
    failures,
    latencyP50Ms: 5,
    latencyP99Ms: 9,
    since,
  });

  test('are taken over the last five seconds', () => {
    const meter = new Meter();
    for (let second = 0; second <= 10; second += 1) {
      meter.sample(second * 1_000, counters(second < 5 ? 0 : (second - 5) * 10, second === 10 ? 5 : 0));
    }
    const { requestsPerSecond, failureShare } = meter.reading();
    assert.equal(requestsPerSecond, 10);
    assert.equal(failureShare, 0.1);
  });

  test('begin anew when a counter went back: it is another life of the endpoint', () => {
    const meter = new Meter();
    meter.sample(0, counters(1_000));
    meter.sample(1_000, counters(10));
    assert.equal(meter.reading().requestsPerSecond, 0);
    assert.equal(meter.reading().failureShare, null);
  });

  test('keep one minute of latencies', () => {
    const meter = new Meter();
    for (let second = 0; second < 100; second += 1) meter.sample(second * 1_000, counters(second));
    const { p50Ms, p99Ms } = meter.reading();
    assert.deepEqual([p50Ms.length, p99Ms.length], [60, 60]);
  });
});

test('numbers are short, and little is not nothing', () => {
  assert.deepEqual([0, 0.4, 3.14, 1234].map(rateText), ['0', '0.40', '3.1', '1,234']);
  assert.deepEqual([null, 0, 0.0001, 0.015, 1].map(shareText), ['–', '0 %', '<0.1 %', '1.5 %', '100 %']);
  assert.deepEqual([0, 3.14, 250, 1_500].map(latencyText), ['–', '3.1 ms', '250 ms', '1.5 s']);
  const kept = (text: string) => text.replaceAll('\u00a0', '_');
  const ages = [900, 61_000, 7_200_000, 190_000_000].map((ms) => kept(ageText(ms)));
  assert.deepEqual(ages, ['0_s', '1_m 1_s', '2_h', '2_d 4_h'], 'a number and its unit stay in one line');
});
