import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { IRangeRequest } from 'etcd3';
import { bytes, prefixEnd } from '../support/etcd-api.js';
import type { Context } from './etcd-api.js';

const { INVALID_ARGUMENT, OUT_OF_RANGE } = status;
const COMPACTED = 'etcdserver: mvcc: required revision has been compacted';
const FUTURE = 'etcdserver: mvcc: required revision is a future revision';

export function describeKv(context: Context): void {
  describe('Range', () => describeRange(context));
  describe('Put', () => describePut(context));
  describe('DeleteRange', () => describeDelete(context));
  describe('Compact', () => describeCompact(context));
}

/** `a` to `d` below a fresh prefix: a=3 put twice, b=1, c=2, d=0. */
async function fourKeys({ key, put }: Context) {
  const prefix = key('');
  const at = (name: string): Buffer => Buffer.concat([prefix, bytes(name)]);
  const first = await put(at('a'), 'old');
  await put(at('b'), '1');
  await put(at('c'), '2');
  await put(at('d'), '0');
  await put(at('a'), '3');
  return { at, first, all: { key: prefix, range_end: prefixEnd(prefix.toString()) } };
}

function describeRange(context: Context): void {
  const { api, refused, key } = context;
  const names = async (request: IRangeRequest): Promise<string> => {
    const { kvs } = await api().call('KV/Range', request);
    return kvs.map((pair) => pair.key.toString().at(-1)).join('');
  };

  test('one key, a half-open range, everything from a key on, and a prefix', async () => {
    const { at, all } = await fourKeys(context);
    assert.equal(await names({ key: at('b') }), 'b');
    assert.equal(await names({ key: at('b'), range_end: at('d') }), 'bc');
    assert.equal(await names(all), 'abcd');
    assert.equal(await names({ key: at('d'), range_end: at('b') }), '');
    assert.match(await names({ key: at('c'), range_end: Buffer.from([0]), limit: 2 }), /^cd/);
  });

  test('a pair says when it was created and changed, how often, and which lease holds it', async () => {
    const { at, first } = await fourKeys(context);
    const { kvs, count, more, header } = await api().call('KV/Range', { key: at('a') });
    assert.equal(kvs.length, 1);
    assert.deepEqual(
      { ...kvs[0], value: kvs[0]?.value.toString() },
      {
        key: at('a'),
        value: '3',
        create_revision: String(first),
        mod_revision: String(first + 4),
        version: '2',
        lease: '0',
      },
    );
    assert.deepEqual(
      { count, more, revision: header.revision },
      { count: '1', more: false, revision: String(first + 4) },
    );
  });

  test('limit cuts, and more and count tell what was cut', async () => {
    const { all } = await fourKeys(context);
    const cut = await api().call('KV/Range', { ...all, limit: 3 });
    assert.deepEqual([cut.kvs.length, cut.more, cut.count], [3, true, '4']);
    const whole = await api().call('KV/Range', { ...all, limit: 4 });
    assert.deepEqual([whole.kvs.length, whole.more, whole.count], [4, false, '4']);
  });

  test('count_only counts and keys_only leaves values out', async () => {
    const { all } = await fourKeys(context);
    const counted = await api().call('KV/Range', { ...all, count_only: true });
    assert.deepEqual([counted.kvs, counted.count, counted.more], [[], '4', false]);
    const keys = await api().call('KV/Range', { ...all, keys_only: true });
    assert.deepEqual(
      keys.kvs.map(({ value }) => value.length),
      [0, 0, 0, 0],
    );
    assert.equal(keys.kvs[0]?.version, '2');
  });

  test('sorts by each target in both directions, and ascending when no order is named', async () => {
    const { all } = await fourKeys(context);
    const sorted = (target: IRangeRequest['sort_target'], order: IRangeRequest['sort_order']) =>
      names({ ...all, sort_target: target ?? 'Key', sort_order: order ?? 'None' });
    assert.equal(await sorted('Key', 'Descend'), 'dcba');
    assert.equal(await sorted('Value', 'Ascend'), 'dbca');
    assert.equal(await sorted('Mod', 'Ascend'), 'bcda');
    assert.equal(await sorted('Mod', 'None'), 'bcda');
    assert.equal(await sorted('Create', 'Descend'), 'dcba');
    assert.equal((await sorted('Version', 'Descend')).at(0), 'a');
    assert.equal(await names({ ...all, sort_target: 'Value', sort_order: 'Ascend', limit: 2 }), 'db');
  });

  test('filters by revision of creation and change, without touching count', async () => {
    const { all, first } = await fourKeys(context);
    assert.equal(await names({ ...all, min_mod_revision: first + 2 }), 'acd');
    assert.equal(await names({ ...all, max_mod_revision: first + 2 }), 'bc');
    assert.equal(
      await names({ ...all, min_create_revision: first + 1, max_create_revision: first + 2 }),
      'bc',
    );
    const limited = await api().call('KV/Range', { ...all, max_create_revision: first + 2, limit: 2 });
    assert.deepEqual([limited.kvs.length, limited.more, limited.count], [2, true, '4']);
  });

  test('reads at an old revision see the keys as they were then', async () => {
    const { all, at, first } = await fourKeys(context);
    await api().call('KV/DeleteRange', { key: at('b') });
    assert.equal(await names({ ...all, revision: first + 2 }), 'abc');
    const old = await api().call('KV/Range', { key: at('a'), revision: first });
    assert.equal(old.kvs[0]?.value.toString(), 'old');
    assert.equal(old.header.revision, String(first + 5));
    assert.equal(await names({ ...all, revision: -1 }), 'acd');
  });

  test('a serializable read gives the same answer', async () => {
    const { all } = await fourKeys(context);
    assert.equal(await names({ ...all, serializable: true }), 'abcd');
  });

  test('refuses no key and a revision to come', async () => {
    await refused(api().call('KV/Range', {}), INVALID_ARGUMENT, 'etcdserver: key is not provided');
    const future = api().call('KV/Range', { key: key('x'), revision: 1_000_000 });
    await refused(future, OUT_OF_RANGE, FUTURE);
  });

  test('keys and values are bytes, and keys are in byte order', async () => {
    const prefix = key('');
    const odd = [[0xff], [0x00], [0x7f], [0xc3, 0xa9]].map((tail) =>
      Buffer.concat([prefix, Buffer.from(tail)]),
    );
    for (const one of odd) await api().call('KV/Put', { key: one, value: one });
    const { kvs } = await api().call('KV/Range', { key: prefix, range_end: prefixEnd(prefix.toString()) });
    assert.deepEqual(
      kvs.map((pair) => pair.key),
      [...odd].sort(Buffer.compare),
    );
    assert.deepEqual(
      kvs.map((pair) => pair.value),
      [...odd].sort(Buffer.compare),
    );
  });
}

function describePut({ api, key, put, refused }: Context): void {
  test('each put is one revision, and prev_kv gives what it replaced', async () => {
    const name = key('k');
    const revision = await put(name, 'one');
    const fresh = await api().call('KV/Put', { key: key('new'), prev_kv: true });
    assert.equal(fresh.prev_kv, null);
    const second = await api().call('KV/Put', { key: name, value: bytes('two'), prev_kv: true });
    assert.equal(second.header.revision, String(revision + 2));
    assert.equal(second.prev_kv.value.toString(), 'one');
  });

  test('ignore_value keeps the value, and needs one', async () => {
    const name = key('k');
    await refused(
      api().call('KV/Put', { key: name, ignore_value: true }),
      INVALID_ARGUMENT,
      'etcdserver: key not found',
    );
    await put(name, 'kept');
    await api().call('KV/Put', { key: name, ignore_value: true });
    const { kvs } = await api().call('KV/Range', { key: name });
    assert.deepEqual([kvs[0]?.value.toString(), kvs[0]?.version], ['kept', '2']);
    const both = api().call('KV/Put', { key: name, ignore_value: true, value: bytes('x') });
    await refused(both, INVALID_ARGUMENT, 'etcdserver: value is provided');
  });

  test('a deleted key begins again at version 1', async () => {
    const name = key('k');
    await put(name, 'one');
    await put(name, 'two');
    await api().call('KV/DeleteRange', { key: name });
    const revision = await put(name, 'three');
    const { kvs } = await api().call('KV/Range', { key: name });
    assert.deepEqual([kvs[0]?.version, kvs[0]?.create_revision], ['1', String(revision)]);
  });

  test('refuses no key and a value over 1.5 MiB', async () => {
    await refused(api().call('KV/Put', {}), INVALID_ARGUMENT, 'etcdserver: key is not provided');
    const large = api().call('KV/Put', { key: key('k'), value: Buffer.alloc(1.6 * 1024 * 1024) });
    await refused(large, INVALID_ARGUMENT, 'etcdserver: request is too large');
  });
}

function describeDelete(context: Context): void {
  const { api, refused, key } = context;
  test('deletes a range in one revision and gives back what was there when asked', async () => {
    const { at, all, first } = await fourKeys(context);
    const some = await api().call('KV/DeleteRange', { key: at('b'), range_end: at('d'), prev_kv: true });
    assert.equal(some.deleted, '2');
    assert.equal(some.header.revision, String(first + 5));
    assert.deepEqual(
      some.prev_kvs.map(({ value }) => value.toString()),
      ['1', '2'],
    );
    const rest = await api().call('KV/DeleteRange', all);
    assert.deepEqual([rest.deleted, rest.prev_kvs, rest.header.revision], ['2', [], String(first + 6)]);
  });

  test('deleting nothing is no revision', async () => {
    const { first } = await fourKeys(context);
    const none = await api().call('KV/DeleteRange', { key: key('nothing') });
    assert.deepEqual([none.deleted, none.header.revision], ['0', String(first + 4)]);
    await refused(api().call('KV/DeleteRange', {}), INVALID_ARGUMENT, 'etcdserver: key is not provided');
  });
}

function describeCompact({ api, key, put, refused }: Context): void {
  test('forgets what only older reads could see, and refuses those', async () => {
    const [changed, steady, gone] = [key('changed'), key('steady'), key('gone')];
    await put(steady, 'still here');
    const before = await put(changed, 'one');
    await put(gone, 'soon');
    await api().call('KV/DeleteRange', { key: gone });
    const at = await put(changed, 'two');
    await put(changed, 'three');
    const { header } = await api().call('KV/Compact', { revision: at });
    assert.equal(header.revision, String(at + 1));
    await refused(api().call('KV/Range', { key: changed, revision: before }), OUT_OF_RANGE, COMPACTED);
    const read = async (name: Buffer) =>
      (await api().call('KV/Range', { key: name, revision: at })).kvs.map(({ value }) => value.toString());
    assert.deepEqual(
      [await read(changed), await read(steady), await read(gone)],
      [['two'], ['still here'], []],
    );
  });

  test('refuses a revision that is compacted already or still to come', async () => {
    const at = await put(key('k'), 'v');
    await api().call('KV/Compact', { revision: at, physical: true });
    await refused(api().call('KV/Compact', { revision: at }), OUT_OF_RANGE, COMPACTED);
    await refused(api().call('KV/Compact', { revision: at + 1 }), OUT_OF_RANGE, FUTURE);
  });
}
