import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyStore } from '../../src/discovery/key-store.js';
import type { Listing } from '../../src/discovery/listing.js';
import type { RegistryEvent } from '../../src/discovery/registry-client.js';

function put(key: string, revision: bigint, value = 'v'): RegistryEvent {
  return { type: 'put', entry: { key, value, revision, lease: '' } };
}

function remove(key: string, revision: bigint): RegistryEvent {
  return { type: 'delete', key, revision };
}

function listing(revision: bigint, entries: Readonly<Record<string, bigint>>, value = 'v'): Listing {
  return {
    clusterId: '1',
    revision,
    entries: Object.entries(entries).map(([key, at]) => ({ key, value, revision: at, lease: '' })),
  };
}

test('a list that agrees with what is known changes nothing', () => {
  const store = new KeyStore();
  store.replace(listing(5n, { a: 2n, b: 5n }));
  assert.deepEqual(store.replace(listing(9n, { a: 2n, b: 5n })), []);
});

test('a list may say the same revision of another history: the values count', () => {
  const store = new KeyStore();
  store.replace(listing(5n, { a: 2n }, 'old'));
  assert.deepEqual(store.replace(listing(5n, { a: 2n }, 'new')), [put('a', 2n, 'new')]);
});

test('a list may go back, and events of the new history are taken from there', () => {
  const store = new KeyStore();
  store.replace(listing(50n, { a: 40n, b: 50n }));
  assert.deepEqual(store.replace(listing(30n, { a: 20n })), [put('a', 20n), remove('b', 30n)]);
  assert.deepEqual(store.accept([put('a', 31n)]), [put('a', 31n)]);
});

test('only the newer of two events for a key is taken, in whatever order they come', () => {
  const store = new KeyStore();
  assert.deepEqual(store.accept([put('a', 3n), put('a', 2n), put('b', 2n)]), [put('a', 3n), put('b', 2n)]);
});

test('a key that changed after a list does not differ from it', () => {
  const store = new KeyStore();
  store.replace(listing(5n, { a: 2n, b: 3n, c: 4n }));
  store.accept([put('a', 6n), remove('b', 7n), put('d', 8n)]);
  assert.deepEqual(store.differences(listing(5n, { a: 2n, b: 3n, c: 4n })), []);
});

test('a key that the list has otherwise, or not at all, differs', () => {
  const store = new KeyStore();
  store.replace(listing(5n, { a: 2n, b: 3n, c: 4n }));
  const differences = store.differences(listing(9n, { a: 2n, b: 8n, d: 9n }));
  assert.deepEqual(differences, [put('b', 8n), put('d', 9n), remove('c', 9n)]);
  store.repair(differences);
  assert.deepEqual(store.differences(listing(9n, { a: 2n, b: 8n, d: 9n })), []);
});

test('a deleted key stays deleted against late events, also once its tombstone is forgotten', () => {
  const store = new KeyStore();
  const late = put('a', 3n);
  store.replace(listing(2n, {}));
  store.accept([late, remove('a', 4n)]);
  assert.deepEqual(store.accept([late]), []);
  store.prune(listing(6n, {}));
  assert.equal(store.size, 0);
  assert.deepEqual(store.accept([late]), []);
});
