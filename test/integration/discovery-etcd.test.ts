import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { IRequestOp } from 'etcd3';
import type { WatchMessage } from '../../src/etcd/watch.js';
import { prefixEnd } from '../../src/etcd/wire.js';
import { type EtcdServer, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { followSource, openMembers } from '../support/followed-source.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

describe('discovery', { concurrency: true }, () => {
  for (const version of etcdVersions) {
    describe(`a source on etcd ${version}`, { concurrency: true }, () => {
      let etcd: EtcdServer;

      before(async () => {
        etcd = await startEtcd(version);
      });
      after(() => etcd.stop());

      test('lists what is there and follows puts and deletes', async (t) => {
        const prefix = '/follow';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        await member.put(`${prefix}/goods/a`, '10.0.0.1:80');
        const { addresses, source, until } = followSource(t, { endpoints: [etcd.endpoint], prefix });
        await addresses('goods', ['10.0.0.1:80']);
        await until('connected', (view) => view.connected);
        await member.put(`${prefix}/goods/b`, '10.0.0.2:80');
        await addresses('goods', ['10.0.0.1:80', '10.0.0.2:80']);
        await member.deleteRange(`${prefix}/goods/a`);
        await addresses('goods', ['10.0.0.2:80']);
        const view = source.view();
        assert.equal(view.ready, true);
        assert.equal(view.member, etcd.endpoint);
        assert.equal(view.lastError, null);
        assert.equal(view.endpoints, 1);
      });

      test('an empty prefix is a complete list too', async (t) => {
        const { until, source } = followSource(t, { endpoints: [etcd.endpoint], prefix: '/nothing-here' });
        await until('ready', (view) => view.ready && source.snapshot() !== undefined);
        assert.equal(source.snapshot()?.services.size, 0);
      });

      test('an endpoint leaves when its lease expires', async (t) => {
        const prefix = '/lease';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        const lease = await member.leaseGrant(4);
        await member.put(`${prefix}/goods/a`, '10.0.0.1:80', lease.id);
        const { addresses, endpoints } = followSource(t, { endpoints: [etcd.endpoint], prefix });
        await addresses('goods', ['10.0.0.1:80']);
        assert.equal(endpoints('goods')[0]?.lease, lease.id);
        await addresses('goods', []);
      });

      test('a prefix matches whole segments: /user takes nothing of /user-admin', async (t) => {
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        await member.put('/user-admin/goods/a', '10.0.0.1:80');
        await member.put('/user/goods/a', '10.0.0.2:80');
        const { addresses, source } = followSource(t, { endpoints: [etcd.endpoint], prefix: '/user' });
        await addresses('goods', ['10.0.0.2:80']);
        assert.deepEqual(source.view().invalidValues, []);
      });

      test('rubbish is shown with its key and fails nothing else', async (t) => {
        const prefix = '/rubbish';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        await member.put(`${prefix}/goods/a`, 'nonsense');
        await member.put(`${prefix}/goods/b`, '10.0.0.2:80');
        const { addresses, source } = followSource(t, { endpoints: [etcd.endpoint], prefix });
        await addresses('goods', ['10.0.0.2:80']);
        assert.deepEqual(source.view().invalidValues, [
          { key: `${prefix}/goods/a`, reason: 'the value has no :port' },
        ]);
      });

      test('the view is confirmed again and again, also while only others write', async (t) => {
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        const { until, source } = followSource(t, { endpoints: [etcd.endpoint], prefix: '/quiet' });
        await until('connected', (view) => view.connected);
        await member.put('/elsewhere/goods/a', '10.0.0.1:80');
        const written = performance.now();
        await until(
          'confirmed',
          (view) => (view.confirmedMsAgo ?? Infinity) < performance.now() - written - 100,
        );
        assert.equal(source.view().drift, 0);
      });

      test('a list of several pages is one list', async (t) => {
        const prefix = '/pages';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        const count = 2_100;
        for (let from = 0; from < count; from += 100) {
          const success = Array.from({ length: 100 }, (_, i) => ({
            request_put: {
              key: Buffer.from(`${prefix}/service-${i % 10}/${from + i}`),
              value: Buffer.from(`10.0.${(from + i) >> 8}.${(from + i) & 255}:80`),
            },
          }));
          await member.txn({ success });
        }
        const { until } = followSource(t, { endpoints: [etcd.endpoint], prefix });
        await until('all listed', (view) => view.endpoints === count && view.services === 10);
      });

      test('a transaction of many writes takes effect as one', async (t) => {
        const prefix = '/txn';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        const { source, until, endpoints } = followSource(t, { endpoints: [etcd.endpoint], prefix });
        await until('connected', (view) => view.connected);
        const sizes: number[] = [];
        t.after(source.subscribe(({ services }) => sizes.push(services.get('goods')?.endpoints.length ?? 0)));
        await member.txn({ success: hundredPuts(`${prefix}/goods/`, 0) });
        await until('all there', (view) => view.endpoints === 100);
        await member.txn({ success: hundredPuts(`${prefix}/goods/`, 1) });
        await until('all moved', () => endpoints('goods')[0]?.address === '10.0.1.0:80');
        await member.deleteRange(`${prefix}/`, { prefix: true });
        await until('all gone', (view) => view.endpoints === 0);
        assert.deepEqual(sizes, [0, 100, 100, 0]);
      });

      test('a member that is down is passed over', async (t) => {
        const prefix = '/members';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        await member.put(`${prefix}/goods/a`, '10.0.0.1:80');
        const endpoints = ['http://127.0.0.1:1', etcd.endpoint];
        const { addresses, source } = followSource(t, { endpoints, prefix, random: () => 0 });
        await addresses('goods', ['10.0.0.1:80']);
        assert.equal(source.view().member, etcd.endpoint);
      });
    });

    describe(`a source whose way to etcd ${version} breaks`, { concurrency: 1 }, () => {
      let etcd: EtcdServer;
      let proxy: TcpProxy;

      before(async () => {
        etcd = await startEtcd(version);
        proxy = await startTcpProxy(new URL(etcd.endpoint).host);
      });
      after(async () => {
        await proxy.close();
        await etcd.stop();
      });

      test('keeps its view while cut off, and then has everything that happened meanwhile', async (t) => {
        const prefix = '/cut';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        await member.put(`${prefix}/goods/a`, '10.0.0.1:80');
        await member.put(`${prefix}/goods/b`, '10.0.0.2:80');
        const followed = followSource(t, { endpoints: [`http://${proxy.address}`], prefix });
        await followed.until('connected', (view) => view.connected);
        proxy.cut();
        await followed.until('disconnected', (view) => !view.connected);
        assert.equal(followed.endpoints('goods').length, 2);
        await member.deleteRange(`${prefix}/goods/a`);
        await member.put(`${prefix}/goods/c`, '10.0.0.3:80');
        proxy.mend();
        await followed.addresses('goods', ['10.0.0.2:80', '10.0.0.3:80']);
        const relists = followed.events.filter(({ kind }) => kind === 'relisted').map(({ detail }) => detail);
        assert.deepEqual(relists, ['start'], 'it resumed from where it was');
      });

      test('what it missed comes in fragments, and takes effect as one', async (t) => {
        const prefix = '/fragments';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        const followed = followSource(t, { endpoints: [`http://${proxy.address}`], prefix });
        await followed.until('connected', (view) => view.connected);
        const sizes: number[] = [];
        t.after(
          followed.source.subscribe(({ services }) =>
            sizes.push(services.get('goods')?.endpoints.length ?? 0),
          ),
        );
        proxy.cut();
        await followed.until('disconnected', (view) => !view.connected);
        // Each nearly the most that etcd takes; together more than the 2 MiB at which it cuts what it sends.
        const { header } = await member.txn({ success: hundredPuts(`${prefix}/goods/a-`, 0) });
        await member.txn({ success: hundredPuts(`${prefix}/goods/b-`, 1) });
        proxy.mend();
        await followed.until('all there', (view) => view.endpoints === 200);
        assert.deepEqual(sizes, [0, 200]);
        const relists = followed.events.filter(({ kind }) => kind === 'relisted').map(({ detail }) => detail);
        assert.deepEqual(relists, ['start'], 'it resumed from where it was');

        const messages: WatchMessage[] = [];
        await new Promise<void>((resolve, reject) => {
          const message = (message: WatchMessage): void => {
            messages.push(message);
            if (messages.reduce((sum, { events }) => sum + events.length, 0) === 200) resolve();
          };
          const from = BigInt(header.revision);
          member
            .openWatch({ message, end: reject })
            .then((call) =>
              call.send({ kind: 'create', key: `${prefix}/`, end: prefixEnd(`${prefix}/`), from }),
            )
            .catch(reject);
        });
        const cut = messages.filter(({ events }) => events.length > 0).map(({ fragment }) => fragment);
        assert.deepEqual([cut.at(0), cut.at(-1)], [true, false], 'which is what etcd sends of it');
      });

      test('lists again when the history that it missed has been compacted', async (t) => {
        const prefix = '/compacted';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        await member.put(`${prefix}/goods/a`, '10.0.0.1:80');
        const followed = followSource(t, { endpoints: [`http://${proxy.address}`], prefix });
        await followed.until('connected', (view) => view.connected);
        proxy.cut();
        await followed.until('disconnected', (view) => !view.connected);
        await member.deleteRange(`${prefix}/goods/a`);
        const { revision } = await member.put(`${prefix}/goods/b`, '10.0.0.2:80');
        await member.put(`${prefix}/goods/c`, '10.0.0.3:80');
        await member.compact(revision);
        proxy.mend();
        await followed.addresses('goods', ['10.0.0.2:80', '10.0.0.3:80']);
        const relists = followed.events.filter(({ kind }) => kind === 'relisted').map(({ detail }) => detail);
        assert.deepEqual(relists, ['start', 'compacted']);
      });

      test('notices a connection that carries nothing any more, and makes another', async (t) => {
        const prefix = '/frozen';
        const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
        const followed = followSource(t, { endpoints: [`http://${proxy.address}`], prefix });
        await followed.until('connected', (view) => view.connected);
        proxy.freeze();
        await member.put(`${prefix}/goods/a`, '10.0.0.1:80');
        await followed.addresses('goods', ['10.0.0.1:80']);
      });

      test('closes at once, also while etcd says nothing', async (t) => {
        const connections: Socket[] = [];
        const mute = createServer((socket) => connections.push(socket)).listen(0, '127.0.0.1');
        t.after(() => {
          for (const socket of connections) socket.destroy();
          mute.close();
        });
        await once(mute, 'listening');
        const silent = await startTcpProxy(new URL(etcd.endpoint).host);
        t.after(() => silent.close());
        const connecting = followSource(t, {
          endpoints: [`http://127.0.0.1:${portOf(mute)}`],
          prefix: '/silent',
        });
        const connected = followSource(t, { endpoints: [`http://${silent.address}`], prefix: '/silent' });
        await connected.until('connected', (view) => view.connected);
        await connected.until('the mute one is waited for', () => connections.length > 0);
        silent.freeze();
        const started = performance.now();
        await Promise.all([connecting.source.close(), connected.source.close()]);
        // Without being broken off, a call waits for two seconds.
        assert.ok(performance.now() - started < 1_500);
      });

      test('survives a restart of etcd: the view is kept, and followed again', async (t) => {
        const prefix = '/restart';
        const members = openMembers(t, { endpoints: [etcd.endpoint] });
        await members.current().put(`${prefix}/goods/a`, '10.0.0.1:80');
        const followed = followSource(t, { endpoints: [etcd.endpoint], prefix });
        await followed.until('connected', (view) => view.connected);
        etcd.kill();
        await followed.until('disconnected', (view) => !view.connected);
        assert.equal(followed.endpoints('goods').length, 1);
        assert.equal(followed.source.view().ready, true);
        await etcd.restart();
        await members.call((member) => member.put(`${prefix}/goods/b`, '10.0.0.2:80'));
        await followed.addresses('goods', ['10.0.0.1:80', '10.0.0.2:80']);
      });

      test('waits for an etcd that is not there yet', async (t) => {
        etcd.kill();
        const followed = followSource(t, { endpoints: [etcd.endpoint], prefix: '/late' });
        await followed.until('a fault is told', (_, events) => events.some(({ kind }) => kind === 'fault'));
        assert.equal(followed.source.view().ready, false);
        assert.equal(followed.source.snapshot(), undefined);
        await etcd.restart();
        await followed.until('ready', (view) => view.ready);
      });

      test('knows a cluster that was made anew on the same address', async (t) => {
        const prefix = '/anew';
        const other = await startEtcd(version, { clusterToken: 'another' });
        t.after(() => other.stop());
        const [oldMembers, newMembers] = [etcd, other].map(({ endpoint }) =>
          openMembers(t, { endpoints: [endpoint] }),
        );
        await oldMembers?.current().put(`${prefix}/goods/a`, '10.0.0.1:80');
        await newMembers?.current().put(`${prefix}/goods/b`, '10.0.0.2:80');
        const endpoints = [etcd.endpoint, other.endpoint];
        const followed = followSource(t, { endpoints, prefix, random: () => 0 });
        await followed.until('connected', (view) => view.connected);
        await followed.addresses('goods', ['10.0.0.1:80']);
        etcd.kill();
        await followed.addresses('goods', ['10.0.0.2:80']);
        assert.ok(
          followed.events.some(({ kind, detail }) => kind === 'relisted' && detail === 'cluster-changed'),
        );
      });
    });
  }
});

/** Puts of registrations that take 1.4 MB together. */
function hundredPuts(keys: string, subnet: number): IRequestOp[] {
  return Array.from({ length: 100 }, (_, i) => ({
    request_put: {
      key: Buffer.from(`${keys}${i}`),
      value: Buffer.from(
        JSON.stringify({ address: `10.0.${subnet}.${i}:80`, metadata: { padding: 'x'.repeat(14_000) } }),
      ),
    },
  }));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
