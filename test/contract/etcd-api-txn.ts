import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { ICompare, IRequestOp } from 'etcd3';
import { bytes, prefixEnd } from '../support/etcd-api.js';
import type { Context } from './etcd-api.js';

const { INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE } = status;
const DUPLICATE = 'etcdserver: duplicate key given in txn request';

const putOp = (key: Buffer, value: string): IRequestOp => ({ request_put: { key, value: bytes(value) } });
const rangeOp = (key: Buffer): IRequestOp => ({ request_range: { key } });
const deleteOp = (key: Buffer): IRequestOp => ({ request_delete_range: { key } });
const exists = (key: Buffer): ICompare => ({ key, target: 'Version', result: 'Greater', version: 0 });

export function describeTxn(context: Context): void {
  describe('Txn compares', () => describeCompares(context));
  describe('Txn', () => describeBranches(context));
  describe('Txn refuses', () => describeRefusals(context));
}

function describeCompares({ api, key, put }: Context): void {
  const holds = async (...compare: ICompare[]) => (await api().call('KV/Txn', { compare })).succeeded;

  test('version, create revision, mod revision, value and lease, with each result', async () => {
    const name = key('k');
    const { ID } = await api().call('Lease/LeaseGrant', { TTL: 60 });
    const created = await put(name, 'm');
    await put(name, 'm', { lease: ID });
    assert.equal(await holds({ key: name, target: 'Version', result: 'Equal', version: 2 }), true);
    assert.equal(await holds({ key: name, target: 'Version', result: 'NotEqual', version: 2 }), false);
    assert.equal(
      await holds({ key: name, target: 'Create', result: 'Equal', create_revision: created }),
      true,
    );
    assert.equal(await holds({ key: name, target: 'Mod', result: 'Greater', mod_revision: created }), true);
    assert.equal(await holds({ key: name, target: 'Mod', result: 'Less', mod_revision: created }), false);
    assert.equal(await holds({ key: name, target: 'Value', result: 'Equal', value: bytes('m') }), true);
    assert.equal(await holds({ key: name, target: 'Value', result: 'Less', value: bytes('n') }), true);
    assert.equal(await holds({ key: name, target: 'Value', result: 'Greater', value: bytes('n') }), false);
    assert.equal(await holds({ key: name, target: 'Lease', result: 'Equal', lease: ID }), true);
    assert.equal(await holds({ key: name, target: 'Lease', result: 'Equal', lease: 0 }), false);
  });

  test('an absent key is 0 in every number and has no value to compare', async () => {
    const name = key('absent');
    assert.equal(await holds({ key: name, target: 'Version', result: 'Equal', version: 0 }), true);
    assert.equal(await holds({ key: name, target: 'Create', result: 'Equal', create_revision: 0 }), true);
    assert.equal(await holds({ key: name, target: 'Lease', result: 'Equal', lease: 0 }), true);
    assert.equal(await holds({ key: name, target: 'Value', result: 'Equal', value: bytes('') }), false);
    assert.equal(await holds({ key: name, target: 'Value', result: 'NotEqual', value: bytes('x') }), false);
  });

  test('a range compare must hold for every key, several compares for all, and none holds', async () => {
    const prefix = key('');
    const range = { key: prefix, range_end: prefixEnd(prefix.toString()) };
    await put(Buffer.concat([prefix, bytes('a')]), 'same');
    await put(Buffer.concat([prefix, bytes('b')]), 'same');
    assert.equal(await holds({ ...range, target: 'Value', result: 'Equal', value: bytes('same') }), true);
    await put(Buffer.concat([prefix, bytes('b')]), 'other');
    assert.equal(await holds({ ...range, target: 'Value', result: 'Equal', value: bytes('same') }), false);
    assert.equal(await holds(exists(Buffer.concat([prefix, bytes('a')])), exists(key('absent'))), false);
    assert.equal(await holds(), true);
  });
}

function describeBranches({ api, key, put }: Context): void {
  test('does one branch, in order, as one revision; its reads see its own writes', async () => {
    const [a, b] = [key('a'), key('b')];
    const before = await put(a, 'old');
    const answer = await api().call('KV/Txn', {
      compare: [exists(a)],
      success: [
        rangeOp(a),
        putOp(b, 'new'),
        rangeOp(b),
        { request_delete_range: { key: a, prev_kv: true } },
        rangeOp(a),
      ],
      failure: [putOp(a, 'never')],
    });
    assert.equal(answer.succeeded, true);
    assert.equal(answer.header.revision, String(before + 1));
    const [first, putB, readB, deleteA, last] = answer.responses;
    assert.equal(first?.response_range.kvs[0]?.value.toString(), 'old');
    assert.equal(putB?.response_put.header.revision, String(before + 1));
    assert.equal(readB?.response_range.kvs[0]?.mod_revision, String(before + 1));
    assert.equal(deleteA?.response_delete_range.prev_kvs[0]?.value.toString(), 'old');
    assert.deepEqual(last?.response_range.kvs, []);
  });

  test('does the other branch when a compare fails; reading only is no revision', async () => {
    const name = key('k');
    const before = await put(name, 'v');
    const answer = await api().call('KV/Txn', {
      compare: [exists(key('absent'))],
      success: [putOp(name, 'never')],
      failure: [rangeOp(name)],
    });
    assert.deepEqual([answer.succeeded, answer.header.revision], [false, String(before)]);
    assert.equal(answer.responses[0]?.response_range.kvs[0]?.value.toString(), 'v');
  });

  test('nested transactions are decided on the state before the outer one changed anything', async () => {
    const [outer, inner] = [key('outer'), key('inner')];
    const answer = await api().call('KV/Txn', {
      success: [
        putOp(outer, 'made'),
        {
          request_txn: {
            compare: [exists(outer)],
            success: [putOp(inner, 'yes')],
            failure: [putOp(inner, 'no')],
          },
        },
        rangeOp(inner),
      ],
    });
    assert.equal(answer.responses[1]?.response_txn.succeeded, false);
    assert.equal(answer.responses[2]?.response_range.kvs[0]?.value.toString(), 'no');
  });
}

function describeRefusals({ api, key, put, refused }: Context): void {
  const txn = (...success: IRequestOp[]) => api().call('KV/Txn', { success });

  test('one key changed twice on one path, nested ones counted', async () => {
    const name = key('k');
    await refused(txn(putOp(name, '1'), putOp(name, '2')), INVALID_ARGUMENT, DUPLICATE);
    await refused(txn(putOp(name, '1'), deleteOp(name)), INVALID_ARGUMENT, DUPLICATE);
    const nested = { request_txn: { failure: [putOp(name, '2')] } };
    await refused(txn(putOp(name, '1'), nested), INVALID_ARGUMENT, DUPLICATE);
    await refused(txn(nested, nested), INVALID_ARGUMENT, DUPLICATE);
    await refused(txn(deleteOp(name), nested), INVALID_ARGUMENT, DUPLICATE);
    const nestedDelete = { request_txn: { failure: [deleteOp(name)] } };
    await refused(txn(putOp(name, '1'), nestedDelete), INVALID_ARGUMENT, DUPLICATE);
  });

  test('but not one key in two branches that exclude each other, nor two deletes', async () => {
    const name = key('k');
    const either = { request_txn: { success: [putOp(name, '1')], failure: [putOp(name, '2')] } };
    assert.equal((await txn(either)).succeeded, true);
    const both = await txn(deleteOp(name), deleteOp(name));
    assert.deepEqual(
      both.responses.map((one) => one.response_delete_range.deleted),
      ['1', '0'],
    );
  });

  test('more than 128 operations, an empty one, and a compare without a key', async () => {
    const many = Array.from({ length: 129 }, (_, index) => rangeOp(key(`k${index}`)));
    await refused(txn(...many), INVALID_ARGUMENT, 'etcdserver: too many operations in txn request');
    assert.equal((await txn(...many.slice(1))).responses.length, 128);
    const nested = { request_txn: { success: many.slice(0, 100) } };
    await refused(
      txn(nested, ...many.slice(0, 50)),
      INVALID_ARGUMENT,
      'etcdserver: too many operations in txn request',
    );
    await refused(txn({}), INVALID_ARGUMENT, 'etcdserver: key not found');
    await refused(
      api().call('KV/Txn', { compare: [{}] }),
      INVALID_ARGUMENT,
      'etcdserver: key is not provided',
    );
    await refused(txn(putOp(bytes(''), 'v')), INVALID_ARGUMENT, 'etcdserver: key is not provided');
  });

  test('more than 1.5 MiB in all', async () => {
    const half = (name: string): IRequestOp => ({
      request_put: { key: key(name), value: Buffer.alloc(0.9 * 1024 * 1024) },
    });
    await refused(txn(half('a'), half('b')), INVALID_ARGUMENT, 'etcdserver: request is too large');
    assert.equal((await txn(half('a'))).succeeded, true);
  });

  test('an unknown lease or an unreadable revision, and then does nothing at all', async () => {
    const name = key('k');
    const before = await put(key('other'), 'v');
    const lease = { request_put: { key: key('leased'), lease: 12345 } };
    await refused(txn(putOp(name, 'v'), lease), NOT_FOUND, 'etcdserver: requested lease not found');
    const future = { request_range: { key: name, revision: before + 100 } };
    await refused(
      txn(putOp(name, 'v'), future),
      OUT_OF_RANGE,
      'etcdserver: mvcc: required revision is a future revision',
    );
    const { kvs, header } = await api().call('KV/Range', { key: name });
    assert.deepEqual([kvs, header.revision], [[], String(before)]);
  });
}
