import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Announce } from '../../src/core/events.js';
import type { Source, SourceSnapshot } from '../../src/discovery/source.js';
import { addressesOf, type Listed, WatchedSource } from '../support/watched-source.js';

/** A registry of one kind, and what a test may do to it. Services are called `goods` and `orders`. */
export interface RegistryUnderContract {
  /** A source that follows it, not started. */
  open(announce: Announce): Source;
  /** Makes it list exactly these addresses. */
  list(listed: Listed): Promise<void>;
  /** Makes it of no use: away, or saying things that mean nothing. Absent where that cannot be. */
  readonly fail?: () => Promise<void>;
  readonly mend?: () => Promise<void>;
}

export interface SourceContract {
  readonly name: string;
  /** A registry that lists these from the beginning. All that it takes ends with the test. */
  start(t: TestContext, listed: Listed): Promise<RegistryUnderContract>;
  /** Why it has a list before it is started; absent where it has none. */
  readonly completeBeforeStart?: string;
  /** Why its tests cannot run side by side; absent where each has a registry of its own. */
  readonly oneAtATime?: string;
  /** Why it cannot be tried here. */
  readonly skip?: string | undefined;
}

const BOTH: Listed = { goods: ['10.0.0.1:80', '10.0.0.2:8080'], orders: ['10.1.0.1:80'] };

/** What whoever follows a Source may rely on, whatever registry is behind it. */
export function describeSource({ name, start, completeBeforeStart, ...limits }: SourceContract): void {
  const watch = async (
    t: TestContext,
    listed: Listed,
  ): Promise<{ registry: RegistryUnderContract; watched: WatchedSource; source: Source }> => {
    const registry = await start(t, listed);
    const watched = new WatchedSource(t, (announce) => registry.open(announce));
    return { registry, watched, source: watched.source };
  };
  const follow = async (t: TestContext, listed: Listed) => {
    const followed = await watch(t, listed);
    followed.source.start();
    await followed.watched.untilListed(listed);
    return followed;
  };

  const concurrency = limits.oneAtATime === undefined ? true : 1;
  describe(name, { concurrency, skip: limits.skip ?? false }, () => {
    test('has no snapshot before the first complete list', async (t) => {
      const { source } = await watch(t, BOTH);
      if (completeBeforeStart !== undefined) return assert.notEqual(source.snapshot(), undefined);
      assert.equal(source.snapshot(), undefined);
      assert.deepEqual([source.view().ready, source.view().confirmedMsAgo], [false, null]);
    });

    test('hands over everything at once in its first snapshot, and is ready then', async (t) => {
      const { watched, source } = await follow(t, BOTH);
      assert.deepEqual(addressesOf(watched.snapshots[0]), BOTH);
      await watched.until('is connected', () => source.view().connected);
      const { ready, connected, services, endpoints, lastError, confirmedMsAgo } = source.view();
      assert.deepEqual([ready, connected, services, endpoints, lastError], [true, true, 2, 3, null]);
      assert.ok(confirmedMsAgo !== null && confirmedMsAgo >= 0);
    });

    test('lists endpoints by address, each whole', async (t) => {
      const { source } = await follow(t, BOTH);
      const set = source.snapshot()?.services.get('goods');
      assert.equal(set?.service, 'goods');
      const [first, second] = set.endpoints;
      assert.deepEqual(
        [first?.host, first?.port, second?.host, second?.port],
        ['10.0.0.1', 80, '10.0.0.2', 8080],
      );
      for (const endpoint of set.endpoints) {
        assert.ok(endpoint.weight > 0);
        assert.equal(endpoint.standing, 'listed');
        assert.ok(endpoint.keys.length > 0);
        assert.ok(endpoint.since > 0);
      }
    });

    test('is ready with nothing when there is nothing', async (t) => {
      const { watched, source } = await watch(t, {});
      source.start();
      await watched.until('has a list', () => source.snapshot() !== undefined);
      assert.equal(source.snapshot()?.services.size, 0);
      assert.equal(source.view().ready, true);
    });

    test('a change makes a new snapshot, and leaves the one before as it was', async (t) => {
      const { registry, watched, source } = await follow(t, BOTH);
      const before = source.snapshot();
      const after = { goods: ['10.0.0.2:8080', '10.0.0.3:80'], orders: ['10.1.0.1:80'] };
      await registry.list(after);
      await watched.untilListed(after);
      assert.deepEqual(addressesOf(before), BOTH);
    });

    test('a service that did not change keeps its set, and an endpoint its object', async (t) => {
      const { registry, watched, source } = await follow(t, BOTH);
      const before = source.snapshot();
      const after = { ...BOTH, goods: ['10.0.0.1:80'] };
      await registry.list(after);
      await watched.untilListed(after);
      const now = source.snapshot();
      assert.equal(now?.services.get('orders'), before?.services.get('orders'));
      assert.equal(now?.services.get('goods')?.endpoints[0], before?.services.get('goods')?.endpoints[0]);
    });

    test('each snapshot names the services that changed, those that went included', async (t) => {
      const { registry, watched } = await follow(t, BOTH);
      for (const listed of [{ orders: ['10.1.0.1:80'] }, { orders: ['10.1.0.2:80'] }, BOTH, {}]) {
        await registry.list(listed);
        await watched.untilListed(listed);
      }
      let before: SourceSnapshot | undefined;
      for (const snapshot of watched.snapshots) {
        const names = new Set([...(before?.services.keys() ?? []), ...snapshot.services.keys()]);
        const differ = [...names].filter((service) => {
          return before?.services.get(service) !== snapshot.services.get(service);
        });
        // The first is compared with nothing, and so with all of it.
        if (before !== undefined && snapshot.changed !== undefined) {
          assert.deepEqual([...snapshot.changed].sort(), differ.sort());
        }
        before = snapshot;
      }
    });

    test('a service without endpoints is absent, and comes back with the next one', async (t) => {
      const { registry, watched, source } = await follow(t, BOTH);
      await registry.list({ orders: ['10.1.0.1:80'] });
      await watched.untilListed({ orders: ['10.1.0.1:80'] });
      assert.equal(source.snapshot()?.services.has('goods'), false);
      assert.deepEqual([source.view().services, source.view().endpoints], [1, 1]);
      await registry.list(BOTH);
      await watched.untilListed(BOTH);
    });

    test('whoever subscribes hears at once, then of each change, until he stops', async (t) => {
      const { registry, watched, source } = await follow(t, BOTH);
      const heard: SourceSnapshot[] = [];
      const listener = (snapshot: SourceSnapshot): void => void heard.push(snapshot);
      const [stop, stopOther] = [source.subscribe(listener), source.subscribe(listener)];
      assert.deepEqual(heard, [source.snapshot(), source.snapshot()]);
      stop();
      const after = { ...BOTH, goods: ['10.0.0.9:80'] };
      await registry.list(after);
      await watched.untilListed(after);
      assert.equal(heard.at(-1), source.snapshot());
      const count = heard.length;
      stopOther();
      await registry.list(BOTH);
      await watched.untilListed(BOTH);
      assert.equal(heard.length, count);
    });

    test('a registry that fails changes nothing but the view, and is followed again when it is well', async (t) => {
      const { registry, watched, source } = await follow(t, BOTH);
      if (registry.fail === undefined || registry.mend === undefined) return;
      await watched.until('is connected', () => source.view().connected);
      const before = source.snapshot();
      await registry.fail();
      await watched.until(
        'is disconnected',
        () => !source.view().connected && source.view().lastError !== null,
      );
      assert.equal(source.snapshot(), before);
      assert.equal(source.view().ready, true);
      assert.ok(watched.events.some(({ kind }) => kind === 'disconnected'));
      await registry.mend();
      const after = { ...BOTH, orders: ['10.1.0.7:80'] };
      await registry.list(after);
      await watched.untilListed(after);
      await watched.until('is connected', () => source.view().connected);
    });

    test('a registry that fails from the beginning is waited for', async (t) => {
      const { registry, watched, source } = await watch(t, BOTH);
      if (registry.fail === undefined || registry.mend === undefined) return;
      await registry.fail();
      source.start();
      await watched.until('tells of a fault', () => watched.events.some(({ kind }) => kind === 'fault'));
      assert.deepEqual(
        [source.snapshot(), source.view().ready, source.view().connected],
        [undefined, false, false],
      );
      await registry.mend();
      await watched.untilListed(BOTH);
      assert.equal(watched.snapshots.length, 1);
    });

    test('an address that may not be connected to is left out, shown, and told of once', async (t) => {
      if (completeBeforeStart !== undefined) return;
      const { registry, watched, source } = await follow(t, BOTH);
      const after = { ...BOTH, goods: ['10.0.0.1:80', '10.0.0.4:80'] };
      await registry.list({ ...after, goods: [...(after.goods ?? []), '169.254.169.254:80'] });
      await watched.untilListed(after);
      assert.equal(source.view().invalidValues.length, 1);
      const told = (): string[] =>
        watched.events.filter(({ kind }) => kind === 'invalid-value').map(({ detail }) => detail);
      await watched.until('tells of it', () => told().length > 0);
      await registry.list(after);
      await watched.until('nothing is invalid', () => source.view().invalidValues.length === 0);
      assert.equal(told().length, 1);
      assert.match(told()[0] ?? '', /: 169\.254\.169\.254 is outside the allowed addresses$/);
    });

    test('nothing is said once it is closed, and closing again is nothing', async (t) => {
      const { registry, watched, source } = await follow(t, BOTH);
      const count = watched.snapshots.length;
      await source.close();
      await source.close();
      if (completeBeforeStart === undefined) await registry.list({});
      assert.equal(watched.snapshots.length, count);
    });

    test('one that was never started can be closed', async (t) => {
      const { source } = await watch(t, BOTH);
      await source.close();
    });
  });
}
