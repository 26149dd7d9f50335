import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../../src/core/endpoint.js';
import { doubtful, lossesBetween } from '../../src/discovery/guard-policy.js';
import type { Departure } from '../../src/discovery/source.js';
import { endpointAt, endpoints, setsOf } from '../support/guarded-source.js';

type Lists = Readonly<Record<string, readonly Endpoint[]>>;

/** The doubts about going from one list to another at once: `goods 10.0.0.1:80` by reason. */
function doubts(before: Lists, after: Lists, unconfirmed = false): Record<string, number> {
  const [previous, next] = [setsOf(before), setsOf(after)];
  const losses = lossesBetween(previous, next, new Set([...previous.keys(), ...next.keys()]));
  const counts: Record<string, number> = {};
  for (const [, reason] of doubtful({ losses, next, unconfirmed })) {
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return counts;
}

/** So many others that what `goods` loses is little of the registry. */
const others = Array.from({ length: 100 }, (_, i) => endpointAt(100 + i));

test('half of a service may go, more than half is doubted', () => {
  const all = endpoints(10);
  assert.deepEqual(doubts({ goods: all, others }, { goods: all.slice(5), others }), {});
  assert.deepEqual(doubts({ goods: all, others }, { goods: all.slice(6), others }), {
    'lost most of the service': 6,
  });
});

test('two of three are doubted, one of three is not', () => {
  const all = endpoints(3);
  assert.deepEqual(doubts({ goods: all, others }, { goods: all.slice(1), others }), {});
  assert.deepEqual(doubts({ goods: all, others }, { goods: all.slice(2), others }), {
    'lost most of the service': 2,
  });
});

test('the last endpoint of a service is doubted, however large the registry', () => {
  assert.deepEqual(doubts({ goods: endpoints(1), others }, { others }), {
    'lost the last of the service': 1,
  });
  const draining = endpointAt(9, { standing: 'draining' });
  assert.deepEqual(
    doubts({ goods: [...endpoints(1), draining], others }, { goods: [draining], others }),
    { 'lost the last of the service': 1 },
    'one that is about to leave does not count',
  );
});

test('30 % of all endpoints may go, more is doubted', () => {
  const services = (count: number): Lists =>
    Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`s${i}`, endpoints(10).slice(0, i < count ? 6 : 10)]),
    );
  const full = services(0);
  assert.deepEqual(doubts(full, services(7)), {}, '28 of 100');
  const after: Lists = { ...services(7), s7: endpoints(8) };
  assert.deepEqual(doubts(full, after), {}, '30 of 100');
  assert.deepEqual(doubts(full, { ...after, s8: endpoints(9) }), { 'lost much of the registry': 31 });
});

test('an address that moves to another key or comes as another weight is not lost', () => {
  const moved = endpointAt(1, { keys: ['/p/goods/other'], revision: '6', weight: 2 });
  assert.deepEqual(doubts({ goods: endpoints(1) }, { goods: [moved] }), {});
});

test('while the view is unconfirmed every loss is doubted', () => {
  const all = endpoints(10);
  assert.deepEqual(doubts({ goods: all, others }, { goods: all.slice(1), others }, true), {
    'registry unconfirmed': 1,
  });
});

const lost = (
  list: readonly Endpoint[],
  departures: readonly (Partial<Departure> | undefined)[],
): (string | undefined)[] => {
  const told = new Map<Endpoint, Departure>();
  list.forEach((endpoint, i) => {
    const departure = departures[i];
    if (departure !== undefined) {
      told.set(endpoint, { willing: false, revision: 9n, lease: endpoint.lease, ...departure });
    }
  });
  const previous = setsOf({ goods: list });
  return lossesBetween(previous, new Map(), ['goods'], told).map(
    ({ endpoint, lease }) => `${endpoint.address} ask ${lease}`,
  );
};

test('who said that he was leaving is no loss', () => {
  assert.deepEqual(lost(endpoints(2, 'draining'), []), []);
  assert.deepEqual(lost(endpoints(1), [{ willing: true }]), []);
});

test('of a key that was deleted with a lease, the lease is asked about', () => {
  assert.deepEqual(lost([endpointAt(1, { lease: '77' })], [{}]), ['10.0.0.1:80 ask 77']);
});

test('one owner may delete all his keys in one step', () => {
  const list = [endpointAt(1, { lease: '77' }), endpointAt(2, { lease: '77' })];
  assert.deepEqual(lost(list, [{}, {}]), ['10.0.0.1:80 ask 77', '10.0.0.2:80 ask 77']);
});

test('no owner deletes the keys of others: an emptied prefix proves nothing, though the leases live', () => {
  const leased = [endpointAt(1, { lease: '77' }), endpointAt(2, { lease: '78' })];
  assert.deepEqual(lost(leased, [{}, {}]), ['10.0.0.1:80 ask undefined', '10.0.0.2:80 ask undefined']);
  assert.deepEqual(lost(endpoints(2), [{}, {}]).length, 2);
  const mixed = [endpointAt(1, { lease: '77' }), endpointAt(2)];
  assert.deepEqual(lost(mixed, [{}, {}]).length, 2);
});

test('a key without a lease cannot expire: deleted by itself, it was meant', () => {
  assert.deepEqual(lost(endpoints(1), [{}]), []);
  assert.deepEqual(lost(endpoints(2), [{ revision: 8n }, { revision: 9n }]), []);
});

test('what a list found missing says nothing about how it went', () => {
  assert.deepEqual(lost([endpointAt(1, { lease: '77' })], [{ revision: undefined }]), [
    '10.0.0.1:80 ask undefined',
  ]);
  assert.deepEqual(lost(endpoints(1), [{ revision: undefined }]), ['10.0.0.1:80 ask undefined']);
});
