import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EtcdError } from '../../src/etcd/errors.js';
import { prefixEnd } from '../../src/etcd/wire.js';
import { type EtcdServer, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const fault = (expected: string) => (error: unknown) =>
  error instanceof EtcdError && error.fault === expected;

for (const version of etcdVersions) {
  describe(`the transport to etcd ${version}`, { concurrency: true }, () => {
    let etcd: EtcdServer;

    before(async () => {
      etcd = await startEtcd(version);
    });
    after(() => etcd.stop());

    test('reads, writes and deletes', async (t) => {
      const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
      const { revision } = await member.put('/kv/a', 'one');
      await member.put('/kv/b', 'two');
      const { kvs, count, next } = await member.range({ key: '/kv/', end: prefixEnd('/kv/'), limit: 1 });
      assert.deepEqual(kvs, [{ key: '/kv/a', value: 'one', revision, lease: '' }]);
      assert.equal(count, 2);
      assert.equal(next?.toString(), '/kv/a\0');
      assert.equal(await member.deleteRange('/kv/', { prefix: true }), 2);
      assert.equal(await member.deleteRange('/kv/a'), 0);
    });

    test('grants, renews, describes and revokes a lease, and says when it is gone', async (t) => {
      const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
      const lease = await member.leaseGrant(30);
      assert.equal(lease.ttl, 30);
      await member.put('/lease/a', 'x', lease.id);
      assert.equal(await member.leaseKeepAliveOnce(lease.id), 30);
      const state = await member.leaseTimeToLive(lease.id);
      assert.deepEqual([state.grantedTtl, state.keys], [30, ['/lease/a']]);
      await member.leaseRevoke(lease.id);
      await assert.rejects(member.leaseRevoke(lease.id), fault('not-found'));
      await assert.rejects(member.leaseKeepAliveOnce(lease.id), fault('not-found'));
      assert.ok((await member.leaseTimeToLive(lease.id)).ttl <= 0);
    });

    test('gives up on a silent member in time, on a renewal sooner', async (t) => {
      const proxy = await startTcpProxy(new URL(etcd.endpoint).host);
      t.after(() => proxy.close());
      const member = openMembers(t, { endpoints: [`http://${proxy.address}`] }).current();
      const lease = await member.leaseGrant(30);
      proxy.freeze();
      const started = performance.now();
      await assert.rejects(member.leaseKeepAliveOnce(lease.id, 200), fault('deadline'));
      assert.ok(performance.now() - started < 1_000);
      await assert.rejects(member.put('/silent', 'x'), fault('deadline'));
      assert.ok(performance.now() - started < 3_500);
    });

    test('a call moves on from a member that is at fault, once for all that failed with it', async (t) => {
      const proxy = await startTcpProxy(new URL(etcd.endpoint).host);
      t.after(() => proxy.close());
      proxy.cut();
      const members = openMembers(t, { endpoints: [`http://${proxy.address}`, etcd.endpoint] });
      const calls = Array.from({ length: 5 }, () => members.call((member) => member.status()));
      for (const { version: running } of await Promise.all(calls)) assert.equal(running, etcd.version);
      assert.equal(members.current().endpoint, etcd.endpoint);
    });

    test('an error that another member would repeat is not repeated', async (t) => {
      const members = openMembers(t, { endpoints: [etcd.endpoint, etcd.endpoint] });
      let calls = 0;
      const call = members.call((member) => {
        calls += 1;
        return member.leaseRevoke('12345');
      });
      await assert.rejects(call, fault('not-found'));
      assert.equal(calls, 1);
    });

    test('a watch ends once, with the reason, however it ends', async (t) => {
      const proxy = await startTcpProxy(new URL(etcd.endpoint).host);
      t.after(() => proxy.close());
      for (const [how, expected] of [
        ['closed', 'closed'],
        ['cut', 'unavailable'],
      ] as const) {
        const member = openMembers(t, { endpoints: [`http://${proxy.address}`] }).current();
        const ends: EtcdError[] = [];
        await new Promise<void>((resolve, reject) => {
          const stop = (): void => (how === 'cut' ? proxy.cut() : member.close());
          member
            .openWatch({
              message: stop,
              end: (error) => {
                ends.push(error);
                resolve();
              },
            })
            .then((call) => call.send({ kind: 'create', key: '/watch' }))
            .catch(reject);
        });
        member.close();
        assert.deepEqual(
          ends.map((error) => error.fault),
          [expected],
        );
      }
    });

    test('a closed member answers at once that it is closed', async (t) => {
      const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
      await member.status();
      const underWay = member.range({ key: '/x' });
      member.close();
      await assert.rejects(underWay, fault('closed'));
      await assert.rejects(member.range({ key: '/x' }), fault('closed'));
      await assert.rejects(member.openWatch({ message: () => {}, end: () => {} }), fault('closed'));
      member.close();
    });
  });
}
