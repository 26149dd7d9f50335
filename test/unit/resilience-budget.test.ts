import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryBudget } from '../../src/resilience/budget.js';
import { ManualClock } from '../support/manual-clock.js';

const HALF_LIFE_MS = 10_000;

function budgetWith(requests: number): { readonly budget: RetryBudget; readonly clock: ManualClock } {
  const clock = new ManualClock();
  const budget = new RetryBudget(clock);
  deposit(budget, requests);
  return { budget, clock };
}

function deposit(budget: RetryBudget, requests: number): void {
  for (let request = 0; request < requests; request += 1) budget.deposit();
}

/** How many retries may start now, one on top of the other; all of them stay under way. */
function granted(budget: RetryBudget): number {
  let count = 0;
  while (count < 10_000 && budget.tryAcquire()) count += 1;
  return count;
}

test('a service that is hardly used may still retry three at once', () => {
  const { budget } = budgetWith(1);
  assert.equal(granted(budget), 3);
});

test('one of the three may start again as soon as another is over', () => {
  const { budget } = budgetWith(0);
  assert.equal(granted(budget), 3);
  budget.release();
  assert.equal(granted(budget), 1);
});

test('a retry that follows another takes its place, and both count', () => {
  const { budget } = budgetWith(0);
  assert.equal(granted(budget), 3);
  assert.equal(budget.tryReplace(), true);
  assert.equal(budget.tryAcquire(), false);
  budget.release();
  assert.equal(granted(budget), 1);
});

test('beyond the share none takes the place of another while three more are under way', () => {
  const { budget } = budgetWith(20);
  assert.equal(granted(budget), 4);
  assert.equal(budget.tryReplace(), false);
  budget.release();
  assert.equal(budget.tryReplace(), true);
});

test('a busy service may retry a fifth of its requests', () => {
  assert.equal(granted(budgetWith(100).budget), 20);
  assert.equal(granted(budgetWith(1000).budget), 200);
});

test('retries that are over still count, so that quick failures cannot multiply', () => {
  const { budget } = budgetWith(100);
  assert.equal(granted(budget), 20);
  // All but the least number that may be under way.
  for (let retry = 0; retry < 17; retry += 1) budget.release();
  assert.equal(budget.tryAcquire(), false);
});

test('new requests earn new retries', () => {
  const { budget } = budgetWith(100);
  granted(budget);
  deposit(budget, 50);
  assert.equal(granted(budget), 10);
});

test('old requests count half after each half-life', async () => {
  const { budget, clock } = budgetWith(1000);
  assert.equal(budget.tryAcquire(), true);
  budget.release();
  await clock.advance(2 * HALF_LIFE_MS);
  assert.equal(granted(budget), 50);
});

test('retries spent long ago are forgotten with the requests that earned them', async () => {
  const { budget, clock } = budgetWith(1000);
  assert.equal(granted(budget), 200);
  for (let retry = 0; retry < 200; retry += 1) budget.release();
  await clock.advance(20 * HALF_LIFE_MS);
  deposit(budget, 100);
  assert.equal(granted(budget), 20);
});

test('requests count in full when they are made, however long there was nothing to retry', async () => {
  const { budget, clock } = budgetWith(0);
  await clock.advance(60 * HALF_LIFE_MS);
  deposit(budget, 100);
  assert.equal(granted(budget), 20);
});

test('each retry that is refused is told of, and asking whether one would be is not', () => {
  let refused = 0;
  const budget = new RetryBudget(new ManualClock(), { share: 0, minConcurrent: 1 }, () => {
    refused += 1;
  });
  assert.equal(budget.tryAcquire(), true);
  assert.equal(budget.allows, false);
  assert.equal(refused, 0);
  for (let retry = 0; retry < 2; retry += 1) assert.equal(budget.tryAcquire(), false);
  assert.equal(refused, 2);
});

test('the share and the least number are given by whoever makes the budget', () => {
  const budget = new RetryBudget(new ManualClock(), { share: 0.5, minConcurrent: 0 });
  assert.equal(granted(budget), 0);
  deposit(budget, 10);
  assert.equal(granted(budget), 5);
});
