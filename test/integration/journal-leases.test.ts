import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatEntry } from '../../src/cli/journal-text.js';
import type { JournalEntry } from '../../src/core/views.js';
import { etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import { eventually, GatewayOnRegistry, liveService } from '../support/gateway-on-registry.js';

type Membership = Extract<JournalEntry, { kind: 'membership' }>;

const PREFIX = '/services';

const routesFor = (endpoint: string): string =>
  `registry: { type: etcd, endpoints: [${endpoint}], prefix: ${PREFIX} }
routes: [{ prefix: /, service: goods }]
staleTtl: 0s
`;

for (const version of etcdVersions) {
  describe(`the journal of a gateway on etcd ${version}`, () => {
    test('has the lease, its granted time, how the key went, and how long it took to apply', async (t) => {
      const etcd = await startEtcd(version);
      t.after(() => etcd.stop());
      const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
      const services = [await liveService(t), await liveService(t), await liveService(t)];
      const [stays, deletes, revokes] = services.map(({ address }) => address);
      const leases: Record<string, string> = {};
      for (const { address } of services) {
        const { id } = await member.leaseGrant(61);
        leases[address] = id;
      }
      const gateway = await GatewayOnRegistry.start(t, routesFor(etcd.endpoint));
      const entries = async (address = ''): Promise<Membership[]> => {
        const all: JournalEntry[] = JSON.parse((await gateway.admin('/api/events?service=goods')).text);
        return all.filter((entry): entry is Membership => 'address' in entry && entry.address === address);
      };
      for (const { address } of services)
        await member.put(`${PREFIX}/goods/${address}`, address, leases[address]);
      await eventually('all leases are known', async () => {
        const first = await Promise.all(services.map(async ({ address }) => (await entries(address))[0]));
        return first.every((entry) => entry?.leaseTtl === 61);
      });
      await member.deleteRange(`${PREFIX}/goods/${deletes}`);
      await eventually('the delete is told', async () => (await entries(deletes))[1]?.reason !== undefined);
      await member.leaseRevoke(leases[revokes ?? ''] ?? '');
      await eventually('the revoke is told', async () => (await entries(revokes))[1]?.reason !== undefined);

      const [joined] = await entries(stays);
      assert.ok(joined !== undefined);
      assert.equal(joined.lease, leases[stays ?? '']);
      assert.ok(joined.appliedMs !== undefined && joined.appliedMs >= 0 && joined.appliedMs < 5_000);
      const hex = BigInt(joined.lease ?? '').toString(16);
      assert.match(
        formatEntry(joined),
        new RegExp(`revision ${joined.revision}, lease ${hex}, granted 61 s, applied in [0-9.]+ ms\\)$`),
      );
      const [deleted] = (await entries(deletes)).slice(1);
      assert.deepEqual([deleted?.cause, deleted?.reason], ['removed', 'its owner deleted the key']);
      const [revoked] = (await entries(revokes)).slice(1);
      assert.deepEqual(
        [revoked?.cause, revoked?.reason, revoked?.leaseTtl],
        ['removed', 'its lease expired or was revoked', 61],
      );
    });

    test('has them of an endpoint that was taken out, and of one that an operator drained', async (t) => {
      const etcd = await startEtcd(version);
      t.after(() => etcd.stop());
      const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
      const { address: well } = await liveService(t);
      const dead = '127.0.0.1:1';
      const { id: lease } = await member.leaseGrant(61);
      const gateway = await GatewayOnRegistry.start(t, routesFor(etcd.endpoint));
      for (const address of [well, dead]) await member.put(`${PREFIX}/goods/${address}`, address, lease);
      const entries = async (): Promise<JournalEntry[]> =>
        JSON.parse((await gateway.admin('/api/events?service=goods')).text);
      await eventually('both are there with their leases', async () => {
        const told = (await entries()).filter((entry) => 'leaseTtl' in entry && entry.leaseTtl === 61);
        return told.length === 2;
      });
      await eventually('the dead one is out', async () => {
        await gateway.status();
        return (await entries()).some(({ kind }) => kind === 'health');
      });
      await gateway.admin(`/api/services/goods/endpoints/${well}/drain`, 'POST');

      const told = await entries();
      const isOf = (entry: JournalEntry): entry is Membership =>
        entry.kind === 'membership' && entry.address === dead;
      const health = told.find((entry) => entry.kind === 'health');
      assert.deepEqual(
        [health?.key, health?.revision, health?.lease, health?.leaseTtl, health?.eligibleLeft],
        [`${PREFIX}/goods/${dead}`, told.find(isOf)?.revision, lease, 61, 1],
      );
      const drained = told.at(-1);
      assert.ok(drained?.kind === 'membership' && drained.cause === 'operator');
      assert.deepEqual([drained.address, drained.lease, drained.leaseTtl], [well, lease, 61]);
      assert.ok(drained.appliedMs !== undefined && drained.appliedMs >= 0);
      const hex = BigInt(lease).toString(16);
      const place = `key \\S+, revision \\d+, lease ${hex}, granted 61 s, applied in `;
      assert.match(
        formatEntry(health ?? drained),
        new RegExp(` ejected: refused; 1 endpoint takes requests \\(${place}`),
      );
    });
  });
}
