import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { Etcd3, EtcdLockFailedError } from 'etcd3';
import type { EmbeddedRegistry } from '../../src/embedded/server.js';
import { startEmbedded } from '../support/embedded-registry.js';

describe("etcd3's own high-level client works on the embedded registry", { timeout: 20_000 }, () => {
  let registry: EmbeddedRegistry;
  let client: Etcd3;
  before(async () => {
    registry = await startEmbedded();
    client = new Etcd3({ hosts: registry.endpoint });
  });
  after(async () => {
    client.close();
    await registry.close();
  });

  test('put, get, getAll with a prefix, and a conditional transaction', async () => {
    await client.put('a/1').value('one');
    await client.put('a/2').value('two');
    assert.equal(await client.get('a/1').string(), 'one');
    assert.deepEqual(await client.getAll().prefix('a/').strings(), { 'a/1': 'one', 'a/2': 'two' });
    const made = await client.if('a/3', 'Create', '==', 0).then(client.put('a/3').value('three')).commit();
    assert.equal(made.succeeded, true);
    assert.equal(
      await client
        .delete()
        .prefix('a/')
        .exec()
        .then(({ deleted }) => deleted),
      '3',
    );
  });

  test('a Lease renews itself, and its keys go when it is revoked', async () => {
    const lease = client.lease(2);
    await lease.put('leased').value('v');
    await once(lease, 'keepaliveSucceeded');
    assert.equal(await client.get('leased').string(), 'v');
    await lease.revoke();
    assert.equal(await client.get('leased').string(), null);
  });

  test('a Watcher tells of puts and deletes below a prefix', async () => {
    const watcher = await client.watch().prefix('w/').create();
    const put = once(watcher, 'put');
    await client.put('w/k').value('v');
    assert.equal(String((await put)[0].value), 'v');
    const deleted = once(watcher, 'delete');
    await client.delete().key('w/k').exec();
    assert.equal(String((await deleted)[0].key), 'w/k');
    await watcher.cancel();
  });

  test('a lock is held by one at a time', async () => {
    const held = await client.lock('resource').ttl(10).acquire();
    await assert.rejects(client.lock('resource').acquire(), EtcdLockFailedError);
    await held.release();
    const next = await client.lock('resource').ttl(10).acquire();
    await next.release();
  });
});
