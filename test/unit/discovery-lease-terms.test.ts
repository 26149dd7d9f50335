import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventHub, type LeaseEvent, type MembershipChange } from '../../src/core/events.js';
import { LeaseTerms } from '../../src/discovery/lease-terms.js';
import type { LeaseTerm } from '../../src/discovery/registry-client.js';
import { membershipChange } from '../support/fake-gateway.js';
import { ManualClock } from '../support/manual-clock.js';

interface Rig {
  readonly terms: LeaseTerms;
  readonly clock: ManualClock;
  readonly asked: string[];
  readonly told: LeaseEvent[];
}

function setUp(answer: (lease: string) => Promise<LeaseTerm>): Rig {
  const clock = new ManualClock();
  const hub = new EventHub();
  const asked: string[] = [];
  const told: LeaseEvent[] = [];
  hub.on('lease', (event) => told.push(event));
  const ask = (lease: string): Promise<LeaseTerm> => {
    asked.push(lease);
    return answer(lease);
  };
  return {
    terms: new LeaseTerms({ source: 'main', clock, announce: hub.announce, ask }),
    clock,
    asked,
    told,
  };
}

const lives = async (): Promise<LeaseTerm> => ({ lives: true, granted: 3 });
const joined = (lease: string): MembershipChange => membershipChange({ lease });
const left = (lease: string): MembershipChange =>
  membershipChange({ lease, change: 'left', state: 'gone', cause: 'removed' });

test('a lease is asked about once, one after another, and what is known is not asked again', async () => {
  const { terms, clock, asked, told } = setUp(lives);
  for (const lease of ['1', '1', '2']) terms.wonder(joined(lease));
  assert.deepEqual(asked, ['1']);
  await clock.advance(1_000);
  terms.wonder(joined('1'));
  await clock.advance(1_000);
  assert.deepEqual(asked, ['1', '2']);
  assert.deepEqual([terms.grantedOf('1'), terms.grantedOf('2'), terms.grantedOf('3')], [3, 3, undefined]);
  assert.deepEqual(
    told.map(({ source, lease, granted, ended }) => [source, lease, granted, ended]),
    [
      ['main', '1', 3, false],
      ['main', '2', 3, false],
    ],
  );
});

test('a storm of changes makes no storm of questions', async () => {
  const { terms, clock, asked } = setUp(lives);
  for (let lease = 0; lease < 5_000; lease += 1) terms.wonder(joined(String(lease)));
  await clock.advance(1_000);
  assert.ok(asked.length <= 6, `${asked.length} in the first second`);
  await clock.advance(60_000);
  assert.ok(asked.length <= 65, `${asked.length} in all`);
});

test('of a key that went it is asked whether its lease lives, but not when the answer would come too late', async () => {
  const { terms, clock, told } = setUp(async () => ({ lives: false, granted: 0 }));
  for (let lease = 0; lease < 40; lease += 1) terms.wonder(left(String(lease)));
  await clock.advance(10_000);
  assert.ok(told.length > 3 && told.length <= 6, `${told.length} answers`);
  assert.ok(told.every(({ ended, lives: alive }) => ended && !alive));
});

test('what needs no answer is not asked: no lease, or a release by the guard', async () => {
  const { terms, clock, asked } = setUp(lives);
  terms.wonder(membershipChange());
  terms.wonder({ ...left('1'), cause: 'released' });
  await clock.advance(1_000);
  assert.deepEqual(asked, []);
});

test('a registry that does not answer is left alone for a minute', async () => {
  const { terms, clock, asked, told } = setUp((lease) =>
    lease === '1' ? Promise.reject(new Error('no leader')) : lives(),
  );
  for (const lease of ['1', '2', '3']) terms.wonder(joined(lease));
  await clock.advance(59_000);
  terms.wonder(joined('4'));
  await clock.advance(2_000);
  terms.wonder(joined('5'));
  await clock.advance(1_000);
  assert.deepEqual([asked, told.map(({ lease }) => lease)], [['1', '5'], ['5']]);
});

test('after close nothing is asked', async () => {
  const { terms, clock, asked } = setUp(lives);
  for (const lease of ['1', '2']) terms.wonder(joined(lease));
  await clock.advance(10);
  terms.close();
  await clock.advance(1_000);
  assert.deepEqual(asked, ['1']);
  assert.equal(clock.pending, 0);
});
