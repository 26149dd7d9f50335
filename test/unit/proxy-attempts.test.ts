import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routingSettings } from '../../src/composition/routing.js';
import { parseConfig } from '../../src/config/load.js';
import type { Outcome } from '../../src/core/outcome.js';
import { seededRandom } from '../../src/core/random.js';
import { Turn } from '../../src/core/turn.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import type { SettledAttempt } from '../../src/proxy/attempt-record.js';
import { Attempts } from '../../src/proxy/attempts.js';
import { Service } from '../../src/proxy/service.js';
import { ManualClock } from '../support/manual-clock.js';

/** Retries that may always be under way. */
const LEAST = 3;

const FAILED = {
  status: 0,
  nothingSent: false,
  reusedConnection: false,
  answerBegun: false,
  headMs: 1,
} as const;
const RESET: Outcome = { ...FAILED, class: 'reset', cause: 'UPSTREAM_RESET' };
const REFUSED: Outcome = { ...FAILED, class: 'connect-failed', cause: 'CONNECT_FAILED', nothingSent: true };

/** Requests to one service, of which none has been counted for its budget. */
function requests(): () => Attempts {
  const clock = new ManualClock();
  const config = parseConfig('routes: [{ prefix: /, service: goods }]', 'routes.yaml', {});
  assert.ok('settings' in config);
  const [route] = routingSettings(config.settings, []).rules;
  assert.ok(route !== undefined);
  const announce = (): void => undefined;
  const service = new Service('goods', config.settings.servicePolicy(route), {
    clock,
    random: seededRandom(1),
    announce,
    turn: new Turn(),
    allows: () => true,
    maxResponseHead: 16_384,
  });
  const source = createStaticSource({ name: 'main', clock });
  source.setEndpoints(
    'goods',
    Array.from({ length: 9 }, (_, index) => `10.0.0.${index + 1}:80`),
  );
  const listed = source.snapshot()?.services.get('goods');
  assert.ok(listed !== undefined);
  service.apply(listed);
  const request = { body: undefined, hashKey: undefined, traceId: '0', startedAt: 0, method: 'GET' };
  return () => new Attempts({ ...request, service, route, context: { clock, announce } });
}

/** One more attempt, which ends so. */
function attempt(attempts: Attempts, outcome: Outcome): SettledAttempt {
  const pool = attempts.choose();
  assert.ok(pool !== undefined);
  attempts.begin(pool);
  const settled = { pool, begunAt: 0, spanId: undefined };
  attempts.settle(settled, outcome);
  return settled;
}

test('what found no connection costs the budget nothing', () => {
  const request = requests();
  for (let count = 0; count < 10 * LEAST; count += 1) {
    const attempts = request();
    assert.equal(attempts.spend(attempt(attempts, REFUSED), REFUSED), true);
  }
  const attempts = request();
  assert.equal(attempts.spend(attempt(attempts, RESET), RESET), true);
});

test('a retry that found no connection leaves the one after it paid for', () => {
  const request = requests();
  const afterReset = (): boolean => {
    const attempts = request();
    if (!attempts.spend(attempt(attempts, RESET), RESET)) return false;
    return attempts.spend(attempt(attempts, REFUSED), REFUSED);
  };
  for (let count = 0; count < LEAST; count += 1) assert.equal(afterReset(), true);
  assert.equal(afterReset(), false, 'those that follow are still under way');
});

test('it is given back when none follows', () => {
  const request = requests();
  for (let count = 0; count < 10 * LEAST; count += 1) {
    const attempts = request();
    assert.equal(attempts.spend(attempt(attempts, RESET), RESET), true);
    attempt(attempts, REFUSED);
    attempts.giveBackBudget();
  }
});
