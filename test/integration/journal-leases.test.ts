import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatEntry } from '../../src/cli/journal-text.js';
import type { JournalEntry } from '../../src/core/views.js';
import { etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import { eventually, GatewayOnRegistry, liveService } from '../support/gateway-on-registry.js';

type Membership = Extract<JournalEntry, { kind: 'membership' }>;

const PREFIX = '/services';

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
      const gateway = await GatewayOnRegistry.start(
        t,
        `registry: { type: etcd, endpoints: [${etcd.endpoint}], prefix: ${PREFIX} }
routes: [{ prefix: /, service: goods }]
staleTtl: 0s
`,
      );
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
  });
}
