import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthChange, MembershipChange } from '../../src/core/events.js';
import type { JournalEntry } from '../../src/core/views.js';
import { endpointsAt } from '../../src/proxy/past-endpoints.js';
import { endpointView, membershipChange } from '../support/fake-gateway.js';

const member = (
  at: number,
  address: string,
  change: MembershipChange['change'],
  over: Partial<MembershipChange> = {},
): JournalEntry => ({
  kind: 'membership',
  ...membershipChange({ at, address, change, state: change === 'left' ? 'gone' : 'up', ...over }),
});

const health = (at: number, address: string, change: HealthChange['change']): JournalEntry => ({
  kind: 'health',
  at,
  service: 'goods',
  address,
  change,
  reason: change === 'ejected' ? 'refused' : null,
  key: `/r/goods/${address}`,
  revision: '7',
  appliedMs: 0,
  eligibleLeft: 1,
});

function statesAt(moment: number, now: readonly string[], journal: readonly JournalEntry[]): string[] {
  const views = now.map((address) => endpointView(address));
  const { endpoints } = endpointsAt(moment, views, journal);
  return endpoints.map(
    ({ address, state, tookRequests }) => `${address} ${state}${tookRequests ? '' : ' -'}`,
  );
}

test('who joined since was not there, who left since was', () => {
  const journal = [member(10, 'a', 'joined'), member(20, 'b', 'joined'), member(30, 'a', 'left')];
  const states = [9, 10, 15, 20, 29, 30, 99].map((moment) => statesAt(moment, ['b'], journal).join(', '));
  assert.deepEqual(states, ['', 'a up', 'a up', 'a up, b up', 'a up, b up', 'b up', 'b up']);
});

test('who left and came back was away in between', () => {
  const journal = [member(10, 'a', 'joined'), member(20, 'a', 'left'), member(30, 'a', 'joined')];
  assert.deepEqual(
    [15, 25, 35].map((moment) => statesAt(moment, ['a'], journal).length),
    [1, 0, 1],
  );
});

test('what the journal has forgotten of the time before is made up for by what came after', () => {
  // `a` joined, and `b` was ejected, before the oldest entry that is left.
  const journal = [health(20, 'b', 'returned'), member(30, 'a', 'left')];
  assert.deepEqual(statesAt(10, ['b', 'c'], journal), ['a up', 'b ejected -', 'c up']);
  assert.deepEqual(statesAt(40, ['b', 'c'], journal), ['b up', 'c up']);
});

test('an ejection lasts until the return, and no longer than the stay of the endpoint', () => {
  const journal = [
    health(10, 'a', 'ejected'),
    health(20, 'a', 'returned'),
    health(30, 'a', 'ejected'),
    member(40, 'a', 'left'),
    member(50, 'a', 'joined'),
  ];
  const states = [15, 25, 35, 55].map((moment) => statesAt(moment, ['a', 'b', 'c'], journal)[0]);
  assert.deepEqual(states, ['a ejected -', 'a up', 'a ejected -', 'a up']);
});

test('draining keeps requests away, being held does not', () => {
  const journal = [
    member(10, 'a', 'joined'),
    member(11, 'b', 'joined'),
    member(20, 'a', 'changed', { state: 'draining', cause: 'operator' }),
    member(21, 'b', 'changed', { state: 'stale', cause: 'held' }),
  ];
  assert.deepEqual(statesAt(25, ['a', 'b'], journal), ['a draining -', 'b stale']);
});

test('with fewer than half of them well all were used', () => {
  const journal = [health(10, 'a', 'ejected'), health(11, 'b', 'ejected')];
  assert.deepEqual(statesAt(12, ['a', 'b', 'c'], journal), ['a ejected', 'b ejected', 'c up']);
  assert.equal(
    endpointsAt(
      12,
      ['a', 'b', 'c'].map((one) => endpointView(one)),
      journal,
    ).panicking,
    true,
  );
});

test('each tells since when it was there and what was last heard of it', () => {
  const journal = [
    member(10, 'a', 'joined', { key: 'k/a' }),
    health(20, 'a', 'ejected'),
    health(30, 'a', 'returned'),
  ];
  const [endpoint] = endpointsAt(25, [endpointView('a', { keys: ['k/a'] })], journal).endpoints;
  assert.deepEqual([endpoint?.key, endpoint?.since, endpoint?.last?.at], ['k/a', 10, 20]);
});
