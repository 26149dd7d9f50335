import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Registered,
  type RegisterOptions,
  type Registration,
  register,
} from '../../src/registrar/registrar.js';
import { EtcdApi } from '../support/etcd-api.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import {
  type RegistryKind,
  registryKinds,
  startRegistry,
  type TestRegistry,
  Witness,
} from './registrar-support.js';

const PLAIN = 'put 10.0.0.5:80';
const DRAINING = 'put {"address":"10.0.0.5:80","draining":true}';
const SUCCESSOR = '10.0.0.6:80';
const REVOKED = { reason: 'the lease expired or was revoked' };

// A registration does not keep its process running; while etcd is down, nothing else here does.
const hold = setInterval(() => {}, 60_000);
after(() => clearInterval(hold));

async function nextRegistered(registration: Registration): Promise<Registered> {
  const [registered] = await once(registration, 'registered');
  return registered;
}

let scenes = 0;

/** A service of its own for each test, so that they can share an etcd and run at the same time. */
async function sceneIn(t: TestContext, endpoint: string) {
  const service = `goods-${++scenes}`;
  const key = `/service_registry_discovery/${service}/pod-1`;
  const witness = await Witness.of(endpoint, key);
  t.after(() => witness.close());
  return {
    key,
    witness,
    enrol(more: Partial<RegisterOptions> = {}): Registration {
      const registry = { endpoints: [endpoint] };
      const registration = register({
        registry,
        service,
        address: '10.0.0.5:80',
        hostKey: 'pod-1',
        // Outlives the time for which other tests may keep this process waiting.
        ttl: 3,
        ...more,
      });
      t.after(() => registration.close());
      return registration;
    },
    /** Two ways to the same etcd, as it would be with two members; the first is used first. */
    async twoMembers() {
      const { host } = new URL(endpoint);
      const [first, second] = [await startTcpProxy(host), await startTcpProxy(host)];
      t.after(() => Promise.all([first.close(), second.close()]));
      const endpoints = [`http://${first.address}`, `http://${second.address}`];
      return { first, second, random: () => 0, registry: { endpoints } };
    },
  };
}

const isPut = (event: { type: string }): boolean => event.type === 'put';
const isDelete = (event: { type: string }): boolean => event.type === 'delete';

// Most of them wait for leases; so do those of the other registries meanwhile.
describe('a registration', { concurrency: registryKinds.length }, () => {
  for (const kind of registryKinds) registrationIn(kind);
});

function registrationIn(kind: RegistryKind): void {
  const name = kind === 'embedded' ? 'the embedded registry' : `etcd ${kind}`;
  describe(`in ${name}`, { concurrency: 20 }, () => {
    let shared: TestRegistry;
    const scene = (t: TestContext) => sceneIn(t, shared.endpoint);

    before(async () => {
      shared = await startRegistry(kind);
    });
    after(() => shared.stop());

    test('puts the plain address under a lease', async (t) => {
      const { enrol, witness, key } = await scene(t);
      const registered = await nextRegistered(enrol());
      const { kv } = await witness.until(isPut);
      assert.deepEqual([registered.key, kv.key, kv.value], [key, key, '10.0.0.5:80']);
      assert.equal(kv.lease, registered.leaseId);
    });

    test('shows the lease time that was granted, not the one asked for', async (t) => {
      const slow = await startRegistry(kind, 2);
      t.after(() => slow.stop());
      const { enrol } = await sceneIn(t, slow.endpoint);
      const { ttl } = await nextRegistered(enrol({ ttl: 1 }));
      assert.equal(ttl, 2, 'etcd raises it to 1.5 election timeouts');
    });

    test('is still there after several lease times, without having been put again', async (t) => {
      const { enrol, witness } = await scene(t);
      const { leaseId } = await nextRegistered(enrol({ ttl: 2 }));
      await sleep(5_000);
      assert.deepEqual(witness.story, [PLAIN]);
      assert.ok((await witness.member.leaseTimeToLive(leaseId)).ttl >= 0);
    });

    test('is gone at once after close, draining before it is deleted, and its lease is revoked', async (t) => {
      const { enrol, witness, key } = await scene(t);
      const registration = enrol({ ttl: 30 });
      const { leaseId } = await nextRegistered(registration);
      const closed = once(registration, 'closed');
      await registration.close();
      await closed;
      assert.deepEqual((await witness.member.range({ key })).kvs, []);
      assert.ok((await witness.member.leaseTimeToLive(leaseId)).ttl <= 0);
      await witness.until(isDelete);
      assert.deepEqual(witness.story, [PLAIN, DRAINING, 'delete']);
    });

    test('says draining under the same lease when asked to', async (t) => {
      const { enrol, witness, key } = await scene(t);
      const registration = enrol();
      const { leaseId } = await nextRegistered(registration);
      await registration.drain();
      const [kv] = (await witness.member.range({ key })).kvs;
      assert.deepEqual([`put ${kv?.value}`, kv?.lease], [DRAINING, leaseId]);
    });

    test('carries weight, zone and metadata in the value', async (t) => {
      const { enrol, witness } = await scene(t);
      const extra = { weight: 3, zone: 'a', metadata: { version: '1.2' } };
      enrol(extra);
      const { kv } = await witness.until(isPut);
      assert.deepEqual(JSON.parse(kv.value), { address: '10.0.0.5:80', ...extra });
    });

    test('comes back within about a third of its lease time when somebody revokes the lease', async (t) => {
      const { enrol, witness } = await scene(t);
      const registration = enrol({ ttl: 6 });
      const { leaseId } = await nextRegistered(registration);
      const lost = once(registration, 'lost');
      await witness.member.leaseRevoke(leaseId);
      const since = performance.now();
      const again = await nextRegistered(registration);
      assert.ok(performance.now() - since < 3_500);
      assert.notEqual(again.leaseId, leaseId);
      assert.deepEqual(await lost, [REVOKED]);
    });

    test('comes back within a lease time when somebody deletes its key', async (t) => {
      const { enrol, witness, key } = await scene(t);
      const registration = enrol();
      const { leaseId } = await nextRegistered(registration);
      const again = nextRegistered(registration);
      await witness.member.deleteRange(key);
      assert.equal((await again).leaseId, leaseId, 'the lease was never lost');
    });

    test('puts its value again when somebody changes it', async (t) => {
      const { enrol, witness, key } = await scene(t);
      const { leaseId } = await nextRegistered(enrol());
      await witness.member.put(key, 'rubbish', leaseId);
      await witness.until(isPut, 2);
      assert.deepEqual(witness.story, [PLAIN, 'put rubbish', PLAIN]);
      const api = new EtcdApi(shared.endpoint);
      t.after(() => api.close());
      const [kv] = (await api.call('KV/Range', { key: Buffer.from(key) })).kvs;
      assert.deepEqual(
        [kv?.value.toString(), kv?.version, kv?.lease],
        ['10.0.0.5:80', '3', leaseId],
        'the third write of the same key, which was never away',
      );
    });

    test('leaves its key to a successor with the same host key until that one has gone', async (t) => {
      const { enrol, witness } = await scene(t);
      const old = enrol();
      await nextRegistered(old);
      const lost = once(old, 'lost');
      const successor = enrol({ address: SUCCESSOR });
      await nextRegistered(successor);
      assert.deepEqual(await lost, [{ reason: 'the key was taken by another process' }]);
      await old.drain();
      assert.deepEqual(witness.story, [PLAIN, `put ${SUCCESSOR}`]);
      const back = nextRegistered(old);
      await successor.close();
      await back;
      await witness.until(({ kv }) => `put ${kv.value}` === DRAINING);
    });

    test('neither drains nor deletes the key of a successor on its way out', async (t) => {
      const { enrol, witness } = await scene(t);
      const old = enrol({ ttl: 30 });
      const { leaseId } = await nextRegistered(old);
      await nextRegistered(enrol({ address: SUCCESSOR }));
      await old.close();
      assert.ok((await witness.member.leaseTimeToLive(leaseId)).ttl <= 0);
      await sleep(100);
      assert.deepEqual(witness.story, [PLAIN, `put ${SUCCESSOR}`]);
    });

    test('goes through another member when the one in use dies', async (t) => {
      const { enrol, witness, twoMembers } = await scene(t);
      const { first, second, ...members } = await twoMembers();
      const { leaseId } = await nextRegistered(enrol({ ...members, ttl: 2 }));
      assert.deepEqual([first.accepted > 0, second.accepted], [true, 0]);
      await first.close();
      await sleep(3_000);
      assert.deepEqual(witness.story, [PLAIN], 'it never left');
      assert.ok((await witness.member.leaseTimeToLive(leaseId)).ttl >= 0);
      assert.ok(second.accepted > 0);
    });

    test('goes through another member before the lease ends when the one in use falls silent', async (t) => {
      const { enrol, witness, twoMembers } = await scene(t);
      const { first, second, ...members } = await twoMembers();
      const { leaseId } = await nextRegistered(enrol({ ...members, ttl: 2 }));
      first.freeze();
      await sleep(3_000);
      assert.deepEqual(witness.story, [PLAIN], 'it never left');
      assert.ok((await witness.member.leaseTimeToLive(leaseId)).ttl >= 0);
      assert.ok(second.accepted > 0);
    });

    test('waits for its health check, is withdrawn when that fails, and restored when it passes', async (t) => {
      const { enrol, witness } = await scene(t);
      const checks = new EventEmitter();
      let healthy = false;
      const registration = enrol({
        health: async () => {
          checks.emit('check');
          return healthy;
        },
      });
      await once(checks, 'check');
      assert.deepEqual(witness.story, []);
      healthy = true;
      const { leaseId } = await nextRegistered(registration);

      healthy = false;
      await once(registration, 'withdrawn');
      await witness.until(isDelete);
      assert.deepEqual(witness.story, [PLAIN, DRAINING, 'delete']);

      healthy = true;
      await once(registration, 'restored');
      const again = await nextRegistered(registration);
      assert.notEqual(again.leaseId, leaseId);
    });

    test('closes in no more than its lease time when the registry has fallen silent', async (t) => {
      const { enrol, twoMembers } = await scene(t);
      const { first } = await twoMembers();
      const registration = enrol({ registry: { endpoints: [`http://${first.address}`] } });
      await nextRegistered(registration);
      first.freeze();
      const since = performance.now();
      await registration.close();
      assert.ok(performance.now() - since < 4_500);
    });

    test('comes back when the registry restarts without its data', async (t) => {
      const forgetful = await startRegistry(kind);
      t.after(() => forgetful.stop());
      const { enrol } = await sceneIn(t, forgetful.endpoint);
      const registration = enrol();
      await nextRegistered(registration);
      const [fault, lost] = [once(registration, 'fault'), once(registration, 'lost')];
      await forgetful.die();
      await fault;
      const again = nextRegistered(registration);
      await forgetful.comeBackEmpty();
      assert.deepEqual(await lost, [REVOKED]);
      await again;
    });

    test('waits for a registry that is not there yet', async (t) => {
      const late = await startRegistry(kind);
      t.after(() => late.stop());
      const { enrol } = await sceneIn(t, late.endpoint);
      await late.die();
      const registration = enrol();
      await once(registration, 'fault');
      const registered = nextRegistered(registration);
      await late.comeBackEmpty();
      await registered;
    });
  });
}
