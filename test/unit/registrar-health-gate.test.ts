import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HealthGate } from '../../src/registrar/health-gate.js';
import { ManualClock } from '../support/manual-clock.js';

function gateOn(t: TestContext, check: (signal: AbortSignal) => Promise<boolean>) {
  const clock = new ManualClock();
  const changes: string[] = [];
  const onChange = (passing: boolean): void => {
    changes.push(`${clock.monotonic()} ${passing ? 'opens' : 'closes'}`);
  };
  const gate = new HealthGate({ check, clock, onChange });
  gate.start();
  t.after(() => gate.close());
  return { clock, changes, gate };
}

test('a gate opens at the first check that passes', async (t) => {
  let healthy = false;
  const { clock, changes } = gateOn(t, async () => healthy);
  await clock.advance(500);
  assert.deepEqual(changes, []);
  healthy = true;
  await clock.advance(1_000);
  assert.deepEqual(changes, ['600 opens']);
});

test('one failure leaves it open, two in a row close it', async (t) => {
  const answers = [true, false, true, false, false, true];
  const { clock, changes } = gateOn(t, async () => answers.shift() ?? true);
  await clock.advance(10_000);
  assert.deepEqual(changes, ['0 opens', '4000 closes', '4200 opens']);
});

test('a check that rejects has failed', async (t) => {
  let broken = false;
  const { clock, changes } = gateOn(t, async () => {
    if (broken) throw new Error('no database');
    return true;
  });
  await clock.advance(500);
  broken = true;
  await clock.advance(5_000);
  assert.deepEqual(changes, ['0 opens', '2000 closes']);
});

test('a check that does not answer within a second has failed, and is told so', async (t) => {
  const signals: AbortSignal[] = [];
  const { clock, changes } = gateOn(t, async (signal) => {
    signals.push(signal);
    return signals.length === 1 || new Promise<boolean>(() => {});
  });
  await clock.advance(5_000);
  assert.deepEqual(changes, ['0 opens', '4000 closes']);
  assert.equal(signals[1]?.aborted, true);
});

test('closing ends the checks, even one that hangs', async (t) => {
  const { clock, changes, gate } = gateOn(t, () => new Promise<boolean>(() => {}));
  await clock.advance(100);
  await gate.close();
  await clock.advance(10_000);
  assert.deepEqual([changes, clock.pending], [[], 0]);
});
