import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { refusal } from '../../src/consul/errors.js';
import { formatServiceSelector, parseServiceSelector } from '../../src/core/service-selector.js';
import { nextIndex } from '../../src/discovery/consul/blocking-query.js';
import { QuerySlots } from '../../src/discovery/consul/query-slots.js';
import { TokenBucket } from '../../src/discovery/consul/token-bucket.js';
import { ManualClock } from '../support/manual-clock.js';

test('the next index is the answered one; one that went back starts over, and 0 counts as 1', () => {
  assert.equal(nextIndex(0n, 12n), 12n);
  assert.equal(nextIndex(12n, 12n), 12n);
  assert.equal(nextIndex(12n, 13n), 13n);
  assert.equal(nextIndex(12n, 11n), 0n);
  assert.equal(nextIndex(0n, 0n), 1n);
  assert.equal(nextIndex(1n, 0n), 0n, 'it went back');
});

test('two tokens are there at once, and one more each half second', async () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ burst: 2, refillMs: 500, clock });
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take(), bucket.take()], [0, 0, 500, 1000]);
  await clock.advance(1_500);
  assert.deepEqual([bucket.take(), bucket.take()], [0, 500]);
  await clock.advance(60_000);
  assert.deepEqual(
    [bucket.take(), bucket.take(), bucket.take()],
    [0, 0, 500],
    'a long rest saves up no more',
  );
});

test('a service selector has one text, whatever order its tags were written in', () => {
  const canonical = (text: string): string | undefined => {
    const selector = parseServiceSelector(text);
    return selector && formatServiceSelector(selector);
  };
  assert.equal(canonical('goods'), 'goods');
  assert.equal(canonical('goods?tag=v2'), 'goods?tag=v2');
  assert.equal(canonical('goods?tag=v2&tag=eu&tag=v2'), 'goods?tag=eu&tag=v2');
  assert.equal(canonical('goods?tag=a=b:c'), 'goods?tag=a=b:c');
});

for (const text of [
  '',
  'go ods',
  'goods?',
  'goods?tag=',
  'goods?tag',
  'goods?v2',
  'goods?tag=a&',
  'goods?tag=a?tag=b',
  'goods?TAG=a',
  'goods?tag=a b',
  'goods?tag=a%20b',
  '?tag=a',
]) {
  test(`${JSON.stringify(text)} is no service selector`, () => {
    assert.equal(parseServiceSelector(text), undefined);
  });
}

test('with places for all, each waits for 55 s; with fewer they take turns every 10 s or so', () => {
  const slots = new QuerySlots(100);
  slots.askers = 100;
  assert.deepEqual([slots.waitMs(), slots.enough], [55_000, true]);
  slots.askers = 200;
  assert.deepEqual([slots.waitMs(), slots.enough], [5_000, false]);
  slots.askers = 10_000;
  assert.equal(slots.waitMs(), 1_000);
});

test('whoever finds no place gets one in order, and who gave up gets none', async () => {
  const slots = new QuerySlots(1);
  const staying = new AbortController();
  const leaving = new AbortController();
  const release = await slots.take(staying.signal);
  const order: string[] = [];
  const ask = (name: string, signal: AbortSignal): Promise<() => void> =>
    slots.take(signal).then((given) => {
      order.push(name);
      return given;
    });
  const second = ask('second', leaving.signal);
  const third = ask('third', staying.signal);
  const fourth = ask('fourth', staying.signal);
  leaving.abort();
  await second;
  release();
  const releaseThird = await third;
  await turn();
  assert.deepEqual(order, ['second', 'third']);
  releaseThird();
  (await fourth)();
  assert.deepEqual(order, ['second', 'third', 'fourth']);
});

test('an agent that does not know a check says so with 404, or before 1.10 with a 500', () => {
  assert.equal(refusal(404, 'Unknown check ID "service:a"').fault, 'not-found');
  assert.equal(refusal(500, 'CheckID "service:a" does not have associated TTL').fault, 'not-found');
  assert.equal(refusal(500, 'No cluster leader').fault, 'unwell');
  assert.equal(refusal(403, 'rpc error: Permission denied').fault, 'denied');
  assert.equal(refusal(400, 'Bad\nrequest').message, 'Consul answered 400: Bad request');
});
