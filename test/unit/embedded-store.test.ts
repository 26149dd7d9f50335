import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyRange, singleKey } from '../../src/embedded/key-range.js';
import { Store } from '../../src/embedded/store.js';

const EVERYTHING = { start: '', end: undefined };

function put(store: Store, key: string, value: string): number {
  store.transact(() => store.put(key, Buffer.from(value), '0'));
  return store.revision;
}

function values(store: Store, revision?: number): string[] {
  return store.read(EVERYTHING, revision).map(({ key, value }) => `${key}=${value}`);
}

test('history stays within its bound however much is written, and what is there now is whole', () => {
  const store = new Store(100);
  put(store, 'steady', 'from the beginning');
  for (let round = 0; round < 1000; round++) put(store, `k${round % 10}`, String(round));
  assert.ok(store.compacted > 0);
  const kept = store.revision - store.compacted;
  assert.ok(kept >= 100 && kept <= 110, `${kept} revisions kept`);
  assert.equal(values(store).length, 11);
  assert.deepEqual(values(store).at(-1), 'steady=from the beginning');
  assert.deepEqual(store.changes(store.compacted - 1), []);
  assert.equal(store.changes(store.compacted).length, 1);
});

test('a key that was deleted before the compaction leaves nothing behind', () => {
  const store = new Store(10);
  for (let round = 0; round < 200; round++) {
    put(store, `short-lived-${round}`, 'x');
    store.transact(() => store.deleteKey(`short-lived-${round}`));
  }
  assert.deepEqual(values(store), []);
  assert.equal(store.size(), 0);
  // Five of the last ten revisions are puts, so five old reads can still see a key.
  const readable = Array.from({ length: 10 }, (_, index) => values(store, store.revision - index).length);
  assert.equal(
    readable.reduce((sum, count) => sum + count),
    5,
  );
});

test('a compaction keeps what a read at its revision sees, and no older version', () => {
  const store = new Store(1000);
  const first = put(store, 'a', '1');
  put(store, 'b', '1');
  const at = put(store, 'a', '2');
  put(store, 'a', '3');
  store.compact(at);
  assert.deepEqual(values(store, at), ['a=2', 'b=1']);
  assert.equal(store.get('a', first), undefined);
  assert.deepEqual(values(store), ['a=3', 'b=1']);
});

test('all changes of a transaction are one revision, announced once, also when the work fails half-way', () => {
  const store = new Store(1000);
  const commits: number[] = [];
  store.onCommit((events) => commits.push(events.length));
  store.transact(() => {
    store.put('a', Buffer.from('1'), '0');
    store.put('b', Buffer.from('1'), '0');
  });
  assert.throws(() =>
    store.transact(() => {
      store.deleteKey('a');
      throw new Error('broken');
    }),
  );
  store.transact(() => store.deleteKey('not there'));
  assert.deepEqual([commits, store.revision, store.visibleRevision], [[2, 1], 3, 3]);
});

test('what was handed out never changes', () => {
  const store = new Store(1000);
  const bytes = Buffer.from('one');
  store.transact(() => store.put('k', bytes, '0'));
  const before = store.get('k');
  bytes.write('XXX');
  put(store, 'k', 'two');
  assert.deepEqual([before?.value.toString(), before?.version], ['one', 1]);
});

test('ranges: one key, half-open, from a key on; bytes above 0x7f come last', () => {
  const store = new Store(1000);
  for (const key of ['b', '\xff', 'a', 'ab', 'c']) put(store, key, '');
  const read = (key: string, end: string) =>
    store
      .read(keyRange(Buffer.from(key, 'latin1'), Buffer.from(end, 'latin1')))
      .map(({ key: found }) => found.toString('latin1'));
  assert.deepEqual(read('a', ''), ['a']);
  assert.deepEqual(read('a', 'b'), ['a', 'ab']);
  assert.deepEqual(read('b', '\0'), ['b', 'c', '\xff']);
  assert.deepEqual(read('c', 'a'), []);
  assert.deepEqual(store.read(singleKey('zz')), []);
});
