import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { GoodsFleet, well } from '../support/goods-fleet.js';
import { head, ok } from '../support/raw-http.js';
import { answering } from '../support/raw-upstream.js';

const SLOW_START_MS = 2_000;
const BATCH = 20;
/** In turns, an equal of the other takes half of them. */
const FULL_SHARE = BATCH / 2 - 1;

test('an endpoint that comes back gets a share of the requests that grows until it is whole', async (t) => {
  let broken = true;
  const recovering = answering(() => (broken ? head('HTTP/1.1 502 Broken', 'Content-Length: 0') : ok()));
  const fleet = await GoodsFleet.start(t, [well, recovering], {
    policy: [`slowStart: ${SLOW_START_MS}ms`, 'ejection: { consecutiveFailures: 2, baseTime: 100ms }'],
  });
  await fleet.gets(4);
  assert.equal((await fleet.gateway.healthChange(0)).change, 'ejected');
  broken = false;
  assert.equal((await fleet.gateway.healthChange(1)).change, 'returned');

  const returned = performance.now();
  const shares: number[] = [];
  do {
    const before = fleet.requests(1);
    await fleet.gets(BATCH);
    shares.push(fleet.requests(1) - before);
    await pause(100);
  } while ((shares.at(-1) ?? 0) < FULL_SHARE && shares.length < 200);
  const tookMs = performance.now() - returned;

  const [first = BATCH] = shares;
  assert.ok(first <= 5, `at once: ${shares}`);
  assert.ok((shares.at(-1) ?? 0) >= FULL_SHARE, `in the end: ${shares}`);
  assert.ok(tookMs > SLOW_START_MS / 2, `whole after ${tookMs} ms: ${shares}`);
  // Each step starts the turns at a place that is drawn: one that falls within a batch may cost it two of them.
  shares.forEach((share, index) => void assert.ok(share >= (shares[index - 1] ?? 0) - 2, `grows: ${shares}`));
});
