import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RegisterOptions, type Registration, register } from '../../src/registrar/registrar.js';
import { type ConsulServer, consulMissing, startConsul } from '../support/consul-server.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const skip = consulMissing ?? false;
const PATIENCE_MS = 15_000;

interface Listed {
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags: readonly string[];
    readonly Meta: Readonly<Record<string, string>>;
    readonly Weights: { readonly Passing: number };
    readonly ModifyIndex: number;
  };
  readonly Checks: readonly {
    readonly CheckID: string;
    readonly Status: string;
    readonly ModifyIndex: number;
  }[];
}

/** Everything that Consul lists of a service, whatever its checks say. */
function listed(consul: ConsulServer, service: string): Promise<Listed[]> {
  return consul.api('GET', `/v1/health/service/${service}`);
}

/** Resolves once `holds`; what Consul lists is looked at again and again. */
async function until(
  consul: ConsulServer,
  service: string,
  holds: (entries: readonly Listed[]) => boolean,
): Promise<readonly Listed[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const entries = await listed(consul, service);
    if (holds(entries)) return entries;
    if (performance.now() > deadline) assert.fail(`not so in time: ${JSON.stringify(entries)}`);
    await sleep(30);
  }
}

function statusOf(entry: Listed | undefined): string | undefined {
  return entry?.Checks.find(({ CheckID }) => CheckID.startsWith('service:'))?.Status;
}

/** A registration's timers do not keep a process running, and for a moment there may be nothing else. */
const awake = setInterval(() => {}, 1_000);
after(() => clearInterval(awake));

const passing = (entries: readonly Listed[]): boolean =>
  entries.length === 1 && statusOf(entries[0]) === 'passing';

describe('a process registered in Consul', { skip, concurrency: 4 }, () => {
  let consul: ConsulServer;
  before(async () => {
    consul = await startConsul();
  });
  after(() => consul.stop());

  const registered = (
    t: { after(end: () => Promise<void>): void },
    options: Partial<RegisterOptions>,
  ): Registration => {
    const registration = register({
      registry: `consul://${consul.address}`,
      service: 'goods',
      address: '10.0.0.5:80',
      hostKey: 'pod-1',
      ttl: 1,
      ...options,
    });
    t.after(() => registration.close());
    return registration;
  };

  test('is listed with all that it said, passing at once', async (t) => {
    const registration = registered(t, {
      service: 'rich',
      weight: 3,
      zone: 'a',
      metadata: { version: '1.4' },
      tags: ['v2'],
    });
    const [told] = await once(registration, 'registered');
    assert.deepEqual(told, { key: registration.key, leaseId: '', ttl: 1 });
    const [entry] = await until(consul, 'rich', passing);
    assert.deepEqual(
      [entry?.Service.ID, entry?.Service.Address, entry?.Service.Port, entry?.Service.Weights.Passing],
      [registration.key, '10.0.0.5', 80, 3],
    );
    assert.deepEqual([entry?.Service.Tags, entry?.Service.Meta], [['v2'], { version: '1.4', zone: 'a' }]);
  });

  test('passes its check each third of the TTL, which wakes no watcher', async (t) => {
    const registration = registered(t, { service: 'steady', ttl: 3 });
    await once(registration, 'registered');
    const [before] = await until(consul, 'steady', passing);
    await sleep(500);
    const settled = await until(consul, 'steady', passing);
    for (const end = performance.now() + 4_000; performance.now() < end; ) {
      const now = await listed(consul, 'steady');
      assert.ok(passing(now));
      assert.deepEqual(now, settled, 'the index of the check stays');
      await sleep(100);
    }
    assert.ok(before);
  });

  test('turns critical by itself when the process is gone without a word', async (t) => {
    const proxy = await startTcpProxy(consul.address);
    t.after(() => proxy.close());
    const registration = registered(t, { service: 'silent', registry: `consul://${proxy.address}` });
    await once(registration, 'registered');
    await until(consul, 'silent', passing);
    proxy.cut();
    await until(consul, 'silent', ([entry]) => statusOf(entry) === 'critical');
    proxy.mend();
    await until(consul, 'silent', passing);
  });

  test('is registered again when somebody deregistered it', async (t) => {
    const registration = registered(t, { service: 'removed' });
    await once(registration, 'registered');
    const lost = once(registration, 'lost');
    await consul.api('PUT', `/v1/agent/service/deregister/${registration.key}`);
    await lost;
    await until(consul, 'removed', passing);
  });

  test('is critical while its health check fails, and passing again after', async (t) => {
    let well = true;
    const registration = registered(t, { service: 'moody', health: async () => well });
    await until(consul, 'moody', passing);
    well = false;
    await once(registration, 'withdrawn');
    await until(consul, 'moody', ([entry]) => statusOf(entry) === 'critical');
    well = true;
    const restored = once(registration, 'restored');
    await once(registration, 'registered');
    await restored;
    await until(consul, 'moody', passing);
  });

  test('is not registered before its health check first passes', async (t) => {
    let well = false;
    const registration = registered(t, { service: 'slow', health: async () => well });
    await sleep(300);
    assert.deepEqual(await listed(consul, 'slow'), []);
    well = true;
    await once(registration, 'registered');
  });

  test('says that it drains, and stays', async (t) => {
    const registration = registered(t, { service: 'drained' });
    await once(registration, 'registered');
    await registration.drain();
    const [entry] = await until(consul, 'drained', passing);
    assert.equal(entry?.Service.Meta['draining'], 'true');
  });

  test('says that it drains before it is gone, on close', async (t) => {
    const registration = registered(t, { service: 'closed' });
    await once(registration, 'registered');
    const closed = registration.close();
    await until(consul, 'closed', ([entry]) => entry?.Service.Meta['draining'] === 'true');
    await closed;
    await until(consul, 'closed', (entries) => entries.length === 0);
  });

  test('does not harm a successor on the same host when it leaves late', async (t) => {
    const old = registered(t, { service: 'restarted' });
    await once(old, 'registered');
    const successor = registered(t, { service: 'restarted' });
    await once(successor, 'registered');
    await old.close();
    const [entry] = await until(consul, 'restarted', passing);
    assert.deepEqual([entry?.Service.ID, entry?.Service.Meta], [successor.key, {}]);
  });
});

test('a process is registered again when the agent comes back with nothing in it', { skip }, async (t) => {
  const consul = await startConsul();
  t.after(() => consul.stop());
  const registration = register({
    registry: `consul://${consul.address}`,
    service: 'goods',
    address: '10.0.0.5:80',
    ttl: 1,
  });
  t.after(() => registration.close());
  await once(registration, 'registered');
  const again = once(registration, 'registered');
  await consul.restartEmpty();
  await again;
  await until(consul, 'goods', passing);
});

test('a process moves to another agent when its own is gone, and starts before any is there', {
  skip,
}, async (t) => {
  const consul = await startConsul();
  t.after(() => consul.stop());
  const proxy = await startTcpProxy(consul.address);
  t.after(() => proxy.close());
  proxy.cut();
  const registration = register({
    registry: { type: 'consul', endpoints: [`http://${proxy.address}`, consul.endpoint] },
    service: 'goods',
    address: '10.0.0.5:80',
    ttl: 1,
    random: () => 0,
  });
  t.after(() => registration.close());
  const [error] = await once(registration, 'fault');
  assert.ok(error instanceof Error && !error.message.includes('\n'));
  await until(consul, 'goods', passing);
  const startedAt = performance.now();
  consul.kill();
  await registration.close();
  assert.ok(performance.now() - startedAt < 2_500, 'close takes no longer than the TTL, whatever happens');
});
