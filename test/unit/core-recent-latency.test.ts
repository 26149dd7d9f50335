import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentLatency } from '../../src/core/recent-latency.js';

test('of no answer nothing is known', () => {
  assert.deepEqual(new RecentLatency().percentiles(), { p50: 0, p99: 0 });
});

test('half of the answers are no slower than p50, all but one in a hundred than p99', () => {
  const latency = new RecentLatency();
  for (let ms = 100; ms >= 1; ms -= 1) latency.note(ms);
  assert.deepEqual(latency.percentiles(), { p50: 50, p99: 99 });
  latency.note(500);
  assert.deepEqual(latency.percentiles(), { p50: 51, p99: 100 });
});

test('only the last answers count', () => {
  const latency = new RecentLatency();
  for (let turn = 0; turn < 300; turn += 1) latency.note(1_000);
  latency.note(7);
  for (let turn = 0; turn < 127; turn += 1) latency.note(5);
  assert.deepEqual(latency.percentiles(), { p50: 5, p99: 5 });
  const one = new RecentLatency();
  one.note(3);
  assert.deepEqual(one.percentiles(), { p50: 3, p99: 3 });
});
