import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.js';
import type { RequestPolicy } from '../../src/core/route.js';
import { Deadlines } from '../../src/proxy/deadlines.js';
import { ManualClock } from '../support/manual-clock.js';

const POLICY_YAML = `defaults:
  tryTimeout: 10s
  totalTimeout: 25s
  idleTimeout: 60s
  tunnelIdleTimeout: 1h
`;

function policy(): RequestPolicy {
  const config = parseConfig(POLICY_YAML, 'routes.yaml', {});
  assert.ok('settings' in config);
  return config.settings.requestPolicy({ service: 'goods', registry: 'main' });
}

interface Rig {
  readonly clock: ManualClock;
  readonly deadlines: Deadlines;
  /** Milliseconds at which a limit ran out. */
  readonly firedAt: readonly number[];
  readonly fire: () => void;
}

function started(): Rig {
  const clock = new ManualClock();
  const firedAt: number[] = [];
  return {
    clock,
    deadlines: new Deadlines(clock, policy(), clock.monotonic()),
    firedAt,
    fire: () => firedAt.push(clock.monotonic()),
  };
}

test('one attempt may take as long as the try timeout says', async () => {
  const { clock, deadlines, firedAt, fire } = started();
  deadlines.limitTry(fire);
  await clock.advance(100_000);
  assert.deepEqual(firedAt, [10_000]);
});

test('a later attempt only has what is left of the total', async () => {
  const { clock, deadlines, firedAt, fire } = started();
  await clock.advance(20_000);
  assert.equal(deadlines.totalLeft, 5_000);
  deadlines.limitTry(fire);
  await clock.advance(100_000);
  assert.deepEqual(firedAt, [25_000]);
});

test('an attempt that begins when nothing is left fails at once, but not within its own beginning', async () => {
  const { clock, deadlines, firedAt, fire } = started();
  await clock.advance(30_000);
  deadlines.limitTry(fire);
  assert.deepEqual(firedAt, []);
  await clock.advance(10);
  assert.equal(firedAt.length, 1);
});

test('only one limit runs at a time, and none after cancel', async () => {
  const { clock, deadlines, firedAt, fire } = started();
  deadlines.limitTry(() => assert.fail('replaced'));
  deadlines.set(3_000, fire);
  assert.equal(clock.pending, 1);
  await clock.advance(5_000);
  assert.deepEqual(firedAt, [3_000]);
  deadlines.limitTry(() => assert.fail('cancelled'));
  deadlines.cancel();
  assert.equal(clock.pending, 0);
});

test('a body may last for ever as long as the endpoint is heard of', async () => {
  const { clock, deadlines, firedAt, fire } = started();
  deadlines.limitSilence(false, fire);
  for (let chunk = 0; chunk < 10; chunk += 1) {
    await clock.advance(59_000);
    deadlines.active(false);
  }
  assert.deepEqual(firedAt, []);
  await clock.advance(200_000);
  assert.deepEqual(firedAt, [10 * 59_000 + 60_000]);
});

test('an event stream may be silent for as long as a tunnel', async () => {
  const { clock, deadlines, firedAt, fire } = started();
  deadlines.limitSilence(true, fire);
  await clock.advance(2 * 3_600_000);
  assert.deepEqual(firedAt, [3_600_000]);
});

test('while the client is slow to read, the silence of the endpoint does not count', async () => {
  const { clock, deadlines, firedAt, fire } = started();
  deadlines.limitSilence(false, fire);
  deadlines.active(true);
  await clock.advance(600_000);
  assert.deepEqual(firedAt, []);
  deadlines.active(false);
  await clock.advance(59_000);
  assert.deepEqual(firedAt, []);
  await clock.advance(60_000);
  assert.deepEqual(firedAt, [660_000]);
});
