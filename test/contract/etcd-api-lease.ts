import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { prefixEnd } from '../support/etcd-api.js';
import type { Context } from './etcd-api.js';

const NO_LEASE = 'etcdserver: requested lease not found';

export function describeLeases(context: Context): void {
  describe('LeaseGrant', () => describeGrant(context));
  describe('a lease', () => describeLife(context));
}

function describeGrant({ api, refused }: Context): void {
  test('chooses an id, or takes the one that is given unless it is in use', async () => {
    const chosen = await api().call('Lease/LeaseGrant', { TTL: 60 });
    assert.match(chosen.ID, /^[1-9]\d*$/);
    const given = await api().call('Lease/LeaseGrant', { TTL: 60, ID: '8070450532247928833' });
    assert.deepEqual([given.ID, given.TTL, given.error], ['8070450532247928833', '60', '']);
    const again = api().call('Lease/LeaseGrant', { TTL: 60, ID: given.ID });
    await refused(again, status.FAILED_PRECONDITION, 'etcdserver: lease already exists');
    const { leases } = await api().call('Lease/LeaseLeases', {});
    const ids = leases.map(({ ID }) => ID);
    assert.ok(ids.includes(chosen.ID) && ids.includes(given.ID));
  });

  test('raises a TTL to the shortest it grants, and refuses one of centuries', async () => {
    assert.equal((await api().call('Lease/LeaseGrant', { TTL: 0 })).TTL, '1');
    assert.equal((await api().call('Lease/LeaseGrant', { TTL: -5 })).TTL, '1');
    const long = api().call('Lease/LeaseGrant', { TTL: 9_000_000_001 });
    await refused(long, status.OUT_OF_RANGE, 'etcdserver: too large lease TTL');
    assert.equal((await api().call('Lease/LeaseGrant', { TTL: 9_000_000_000 })).TTL, '9000000000');
  });
}

function describeLife({ api, key, put, refused }: Context): void {
  test('tells what is left of it and, when asked, its keys', async () => {
    const { ID } = await api().call('Lease/LeaseGrant', { TTL: 60 });
    const name = key('k');
    await put(name, 'v', { lease: ID });
    const state = await api().call('Lease/LeaseTimeToLive', { ID, keys: true });
    assert.ok(Number(state.TTL) > 50 && Number(state.TTL) <= 60, state.TTL);
    assert.deepEqual([state.ID, state.grantedTTL, state.keys], [ID, '60', [name]]);
    assert.deepEqual((await api().call('Lease/LeaseTimeToLive', { ID })).keys, []);
    const unknown = await api().call('Lease/LeaseTimeToLive', { ID: 404, keys: true });
    assert.deepEqual([unknown.ID, unknown.TTL, unknown.grantedTTL], ['404', '-1', '0']);
  });

  test('revoked, takes all its keys with it in one revision', async () => {
    const { ID } = await api().call('Lease/LeaseGrant', { TTL: 60 });
    const prefix = key('');
    await put(Buffer.concat([prefix, Buffer.from('a')]), 'v', { lease: ID });
    const before = await put(Buffer.concat([prefix, Buffer.from('b')]), 'v', { lease: ID });
    const { header } = await api().call('Lease/LeaseRevoke', { ID });
    assert.equal(header.revision, String(before + 1));
    const range = { key: prefix, range_end: prefixEnd(prefix.toString()) };
    assert.equal((await api().call('KV/Range', range)).count, '0');
    await refused(api().call('Lease/LeaseRevoke', { ID }), status.NOT_FOUND, NO_LEASE);
    await refused(api().call('KV/Put', { key: prefix, lease: ID }), status.NOT_FOUND, NO_LEASE);
  });

  test('holds a key only while the last put says so', async () => {
    const first = await api().call('Lease/LeaseGrant', { TTL: 60 });
    const second = await api().call('Lease/LeaseGrant', { TTL: 60 });
    const [moved, freed, kept] = [key('moved'), key('freed'), key('kept')];
    for (const name of [moved, freed, kept]) await put(name, 'v', { lease: first.ID });
    await put(moved, 'v', { lease: second.ID });
    await put(freed, 'v');
    await put(kept, 'v', { ignore_lease: true });
    await api().call('Lease/LeaseRevoke', { ID: first.ID });
    const left = async (name: Buffer) =>
      (await api().call('KV/Range', { key: name })).kvs.map(({ lease }) => lease);
    assert.deepEqual([await left(moved), await left(freed), await left(kept)], [[second.ID], ['0'], []]);
    const both = api().call('KV/Put', { key: freed, lease: second.ID, ignore_lease: true });
    await refused(both, status.INVALID_ARGUMENT, 'etcdserver: lease is provided');
  });

  test('expires when it is not renewed: the watcher sees its keys deleted in one revision', async () => {
    const before = performance.now();
    const { ID } = await api().call('Lease/LeaseGrant', { TTL: 2 });
    const prefix = key('');
    const watch = api().watch();
    await watch.create({ key: prefix, range_end: prefixEnd(prefix.toString()), prev_kv: true });
    await put(Buffer.concat([prefix, Buffer.from('a')]), 'v', { lease: ID });
    await put(Buffer.concat([prefix, Buffer.from('b')]), 'v', { lease: ID });
    const events = (await watch.events(4)).slice(2);
    assert.ok(performance.now() - before >= 2000);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['Delete', 'Delete'],
    );
    assert.deepEqual(
      events.map(({ prev_kv }) => prev_kv.lease),
      [ID, ID],
    );
    assert.equal(events[0]?.kv.mod_revision, events[1]?.kv.mod_revision);
    assert.equal((await api().call('Lease/LeaseTimeToLive', { ID })).TTL, '-1');
    watch.cancel();
  });

  test('lives on while it is renewed; renewing one that is gone answers a TTL of 0', async () => {
    const { ID } = await api().call('Lease/LeaseGrant', { TTL: 2 });
    const stream = api().keepAlive();
    for (let renewals = 0; renewals < 5; renewals++) {
      stream.send({ ID });
      const { TTL, ID: renewed } = await stream.next();
      assert.deepEqual([renewed, TTL], [ID, '2']);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await api().call('Lease/LeaseRevoke', { ID });
    stream.send({ ID });
    assert.equal((await stream.next()).TTL, '0');
    await stream.end();
  });
}
