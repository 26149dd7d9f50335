import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExplainedRoute, ExplainedService } from '../../src/core/explanation.js';
import { routesWorthShowing, scoreText, serviceFacts } from '../../src/core/explanation-words.js';

const route = (id: string, fit: ExplainedRoute['fit']): ExplainedRoute => ({ id, fit, why: 'so' });

const service: ExplainedService = {
  name: 'goods',
  balance: 'consistent-hash',
  compares: 'places left',
  key: { value: 'ann', hash: 7, place: 3, places: 100, owner: '10.0.0.5:80' },
  panicking: true,
  inFlight: 4,
  maxInFlight: 4,
  queued: 2,
  admission: 'waits',
  connectTimeout: 5_000,
  queueTimeout: 1_000,
};

describe('what an explanation says in words', () => {
  test('shows every route that fits, and the ten most specific of those that do not, in their order', () => {
    const strangers = Array.from({ length: 12 }, (_, index) => route(`/other-${index}`, 'other-path'));
    const routes = [...strangers, route('/goods', 'matched'), route('/', 'outranked')];
    const { shown, left } = routesWorthShowing(routes);
    assert.deepEqual(shown, [...strangers.slice(0, 10), ...routes.slice(12)]);
    assert.equal(left, 2);
  });

  test('tells of a service what it compares, where the key lands, and whether the limit lets the request in', () => {
    assert.deepEqual(serviceFacts(service), [
      ['balance', 'consistent-hash: places left'],
      ['key', `"ann" lands on place 3 of 100, which is 10.0.0.5:80's`],
      ['limit', 'makes it wait: 4 in flight, of 4, 2 waiting'],
      ['panic', 'fewer than half of the endpoints are well, so all of them are used'],
    ]);
    const calm = { ...service, key: null, panicking: false, maxInFlight: null, admission: 'enters' } as const;
    assert.deepEqual(serviceFacts(calm), [
      ['balance', 'consistent-hash: places left'],
      ['limit', 'lets it in: 4 in flight, no limit'],
    ]);
  });

  test('rounds a score to what can be told apart', () => {
    assert.deepEqual([0, 1.5, 12.34567].map(scoreText), ['0', '1.5', '12.346']);
  });
});
