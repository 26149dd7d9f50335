import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HealthVerdict } from '../../src/resilience/health.js';

const THRESHOLDS = { healthyAfter: 2, unhealthyAfter: 3 };

/** Feeds checks, `+` passed and `-` failed; gives the verdict after each, `H` healthy and `u` unhealthy. */
function verdicts(checks: string, thresholds = THRESHOLDS): string {
  const verdict = new HealthVerdict(thresholds);
  return [...checks]
    .map((check) => {
      verdict.record(check === '+');
      return verdict.healthy ? 'H' : 'u';
    })
    .join('');
}

test('an endpoint is well until checks say otherwise: to have registered is evidence', () => {
  assert.equal(new HealthVerdict(THRESHOLDS).healthy, true);
});

test('three failures in a row make it unhealthy, two passes in a row healthy again', () => {
  assert.equal(verdicts('---++'), 'HHuuH');
});

test('checks that disagree change nothing', () => {
  assert.equal(verdicts('--+--+--+'), 'HHHHHHHHH');
  assert.equal(verdicts('---+-+-+-'), 'HHuuuuuuu');
});

test('what went before a change does not count towards the next', () => {
  assert.equal(verdicts('------++--'), 'HHuuuuuHHH');
});

test('thresholds of one follow each check', () => {
  assert.equal(verdicts('-+-+', { healthyAfter: 1, unhealthyAfter: 1 }), 'uHuH');
});

test('only the check that changes the verdict is said to have changed it', () => {
  const verdict = new HealthVerdict(THRESHOLDS);
  const changes = [...'----+++'].map((check) => verdict.record(check === '+'));
  assert.deepEqual(changes, [false, false, true, false, false, true, false]);
});
