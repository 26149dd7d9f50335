import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { EtcdError, type EtcdFault } from '../../src/etcd/errors.js';
import { LeasedKey } from '../../src/registrar/lease.js';
import type { LeaseRegistry } from '../../src/registrar/lease-registry.js';
import { ManualClock, settle } from '../support/manual-clock.js';

/** A registry of one key that writes down every call, and fails when it is told to. */
class NotedRegistry implements LeaseRegistry {
  readonly calls: string[] = [];
  readonly #clock: ManualClock;
  readonly #granted: number;
  key: { value: string; lease: string } | undefined;
  lease = 0;
  fault: EtcdFault | undefined;
  /** Calls are made and not answered. */
  silent = false;

  constructor(clock: ManualClock, granted: number) {
    this.#clock = clock;
    this.#granted = granted;
  }

  /** The calls since the last time, each with when it was made. */
  take(): string[] {
    return this.calls.splice(0);
  }

  async #call(name: string): Promise<void> {
    this.calls.push(`${this.#clock.monotonic()} ${name}`);
    if (this.silent) return new Promise(() => {});
    if (this.fault !== undefined) throw new EtcdError(this.fault, `${this.fault}, as told`);
  }

  async grant(): Promise<{ id: string; ttlSeconds: number }> {
    await this.#call('grant');
    this.lease += 1;
    return { id: `${this.lease}`, ttlSeconds: this.#granted };
  }

  async renew(lease: string, deadlineMs: number): Promise<void> {
    await this.#call(`renew ${lease} within ${deadlineMs}`);
  }

  async put(_key: string, value: string, lease: string): Promise<void> {
    await this.#call(`put ${value}`);
    this.key = { value, lease };
  }

  async holder(): Promise<{ value: string; lease: string } | undefined> {
    await this.#call('read');
    return this.key;
  }

  async replace(_key: string, value: string, lease: string): Promise<boolean> {
    await this.#call(`replace ${value}`);
    if (this.key?.lease !== lease) return false;
    this.key = { value, lease };
    return true;
  }

  async remove(_key: string, lease: string): Promise<void> {
    await this.#call('remove');
    if (this.key?.lease === lease) this.key = undefined;
  }

  async revoke(lease: string): Promise<void> {
    await this.#call(`revoke ${lease}`);
  }

  close(): void {
    this.calls.push(`${this.#clock.monotonic()} close`);
  }
}

/** A key under a lease of 3 s, of which the registry grants 6. */
async function heldKey(t: TestContext) {
  const clock = new ManualClock();
  const registry = new NotedRegistry(clock, 6);
  const told: string[] = [];
  const key = new LeasedKey({
    registry,
    key: '/services/goods/pod-1',
    ttlSeconds: 3,
    farewell: 'farewell',
    clock,
    random: () => 1,
    listener: {
      held: ({ ttlSeconds }) => told.push(`held for ${ttlSeconds}`),
      lost: (reason) => told.push(`lost: ${reason}`),
      fault: ({ fault }) => told.push(fault),
    },
  });
  t.after(async () => {
    registry.silent = false;
    registry.fault = undefined;
    await key.close();
  });
  void key.want('here');
  await settle();
  return { clock, registry, told, key };
}

test('the lease is renewed each third of the time that was granted, not of the time asked for', async (t) => {
  const { clock, registry, told } = await heldKey(t);
  assert.deepEqual(registry.take(), ['0 grant', '0 put here']);
  assert.deepEqual(told, ['held for 6']);
  await clock.advance(5_999);
  assert.deepEqual(registry.take(), ['2000 renew 1 within 1000', '4000 renew 1 within 1000']);
});

test('once per lease time the key is read back', async (t) => {
  const { clock, registry } = await heldKey(t);
  await clock.advance(12_000);
  assert.deepEqual(
    registry.take().filter((call) => call.endsWith('read')),
    ['6000 read', '12000 read'],
  );
});

test('failed renewals are repeated, never further apart than a third of the lease', async (t) => {
  const { clock, registry, told } = await heldKey(t);
  registry.take();
  registry.fault = 'unavailable';
  await clock.advance(60_000);
  const times = registry.take().map((call) => Number.parseInt(call, 10));
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assert.ok(Math.max(...gaps) <= 1_000, gaps.join(' '));
  assert.ok(gaps.length > 50, 'it never gives up');
  assert.ok(!told.some((line) => line.startsWith('lost')), 'silence is no proof that the lease is gone');

  registry.fault = undefined;
  await clock.advance(1_000);
  assert.equal(registry.take()[0]?.replace(/^\d+ /, ''), 'renew 1 within 1000');
});

test('a lease that is not found is granted and put again at once', async (t) => {
  const { clock, registry, told } = await heldKey(t);
  registry.take();
  const renew = registry.renew.bind(registry);
  registry.renew = async (lease, deadlineMs) => {
    await renew(lease, deadlineMs);
    if (lease === '1') throw new EtcdError('not-found', 'requested lease not found');
  };
  await clock.advance(2_000);
  assert.deepEqual(registry.take(), ['2000 renew 1 within 1000', '2000 grant', '2000 put here']);
  assert.deepEqual(told, ['held for 6', 'lost: the lease expired or was revoked', 'held for 6']);
});

test('another value is put at once, after a renewal that finds out whether the member answers', async (t) => {
  const { clock, registry, key } = await heldKey(t);
  await clock.advance(100);
  registry.take();
  await key.want('there');
  assert.deepEqual(registry.take(), ['100 renew 1 within 1000', '100 replace there']);
});

test('a key that another lease holds is left alone until it is free', async (t) => {
  const { clock, registry, told, key } = await heldKey(t);
  registry.key = { value: 'successor', lease: '99' };
  await clock.advance(6_000);
  await key.want('there');
  await clock.advance(6_000);
  assert.deepEqual(registry.key, { value: 'successor', lease: '99' });
  registry.key = undefined;
  await clock.advance(6_000);
  assert.deepEqual(registry.key, { value: 'there', lease: '1' });
  assert.deepEqual(told.slice(1), ['lost: the key was taken by another process', 'held for 6']);
});

test('a withdrawn key leaves with its lease, and comes back under another', async (t) => {
  const { registry, key } = await heldKey(t);
  registry.take();
  await key.want(undefined);
  assert.deepEqual(registry.take(), ['0 replace farewell', '0 remove', '0 revoke 1']);
  await key.want('here');
  assert.deepEqual(registry.take(), ['0 grant', '0 put here']);
  assert.equal(key.lease?.id, '2');
});

test('a leave that fails half way is repeated as a whole', async (t) => {
  const { clock, registry, key } = await heldKey(t);
  registry.take();
  const { remove } = registry;
  registry.remove = async () => {
    registry.remove = remove;
    throw new EtcdError('unavailable', 'no leader');
  };
  const closed = key.close();
  await clock.advance(1_000);
  await closed;
  assert.deepEqual(
    registry.take().map((call) => call.replace(/^\d+ /, '')),
    ['replace farewell', 'remove', 'revoke 1', 'close'],
  );
});

test('closing waits for a silent registry no longer than the lease lasts', async (t) => {
  const { clock, registry, key } = await heldKey(t);
  registry.silent = true;
  let closed = false;
  const closing = key.close().then(() => {
    closed = true;
  });
  await clock.advance(5_999);
  assert.equal(closed, false);
  await clock.advance(1);
  await closing;
  assert.equal(clock.pending, 0, 'it leaves no timer');
});

test('a registry that refuses is asked again', async (t) => {
  const clock = new ManualClock();
  const registry = new NotedRegistry(clock, 3);
  registry.fault = 'denied';
  const told: string[] = [];
  const key = new LeasedKey({
    registry,
    key: '/services/goods/pod-1',
    ttlSeconds: 3,
    farewell: 'farewell',
    clock,
    random: () => 1,
    listener: { held: () => told.push('held'), lost: () => {}, fault: ({ fault }) => told.push(fault) },
  });
  t.after(() => key.close());
  const wanted = key.want('here');
  await settle();
  assert.deepEqual(told, ['denied']);
  registry.fault = undefined;
  await clock.advance(1_000);
  await wanted;
  assert.deepEqual(told, ['denied', 'held']);
});
