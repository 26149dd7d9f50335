import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Random, seededRandom } from '../../src/core/random.js';
import { Reflector } from '../../src/discovery/reflector.js';
import { RegistryError, type RegistryEvent } from '../../src/discovery/registry-client.js';
import { ManualClock, settle } from '../support/manual-clock.js';
import { ScriptedRegistry } from '../support/scripted-registry.js';

interface Followed {
  readonly clock: ManualClock;
  readonly reflector: Reflector;
  /** key → value, as the reflector's listener was told. */
  readonly view: Map<string, string>;
  readonly told: RegistryEvent[];
  /** Of each list, how long the view before it had not been proved current. */
  readonly unconfirmed: (number | undefined)[];
  readonly relists: string[];
  readonly drift: string[];
}

/** A reflector on `registry`, started; its first list is in and its first watch is open. */
async function follow(
  t: TestContext,
  registry: ScriptedRegistry,
  random: Random = seededRandom(7),
): Promise<Followed> {
  const clock = new ManualClock();
  const view = new Map<string, string>();
  const told: RegistryEvent[] = [];
  const unconfirmed: (number | undefined)[] = [];
  const relists: string[] = [];
  const drift: string[] = [];
  const reflector = new Reflector({
    client: registry,
    clock,
    random,
    listener: {
      changes(changes, origin, _revision, unconfirmedMs) {
        if (origin === 'list') unconfirmed.push(unconfirmedMs);
        for (const change of changes) {
          told.push(change);
          if (change.type === 'put') view.set(change.entry.key, change.entry.value);
          else view.delete(change.key);
        }
      },
      connected: () => {},
      disconnected: () => {},
      relisted: (reason) => relists.push(reason),
      drift: (keys) => drift.push(...keys),
      fault: () => {},
    },
  });
  t.after(() => reflector.close());
  reflector.start();
  await settle();
  return { clock, reflector, view, told, unconfirmed, relists, drift };
}

/** Longer than any back-off after a first failure. */
const SOON = 3_000;

test('the first list is the whole view, and the watch starts right after it', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  registry.put('b', '2');
  const { view, relists } = await follow(t, registry);
  assert.deepEqual(Object.fromEntries(view), { a: '1', b: '2' });
  assert.equal(registry.watch.from, registry.revision + 1n);
  assert.deepEqual(relists, ['start']);
});

test('a large registry is listed page by page at one revision', async (t) => {
  const registry = new ScriptedRegistry();
  registry.pageSize = 2;
  for (const key of ['a', 'b', 'c', 'd', 'e']) registry.put(key, key);
  const listed = registry.revision;
  let changed = false;
  registry.betweenPages = () => {
    if (!changed) registry.put('e', 'later');
    changed = true;
  };
  const { view } = await follow(t, registry);
  assert.equal(view.get('e'), 'e', 'the second page shows the moment of the first');
  assert.equal(registry.watch.from, listed + 1n, 'so the watch brings the change');
});

test('a compaction between two pages starts the list again on the same member', async (t) => {
  const registry = new ScriptedRegistry(['m0', 'm1']);
  registry.pageSize = 1;
  registry.put('a', '1');
  registry.put('b', '2');
  let compacted = false;
  registry.betweenPages = () => {
    if (!compacted) {
      registry.put('c', '3');
      registry.compact();
    }
    compacted = true;
  };
  const { view, clock } = await follow(t, registry);
  assert.equal(view.size, 0);
  await clock.advance(SOON);
  assert.deepEqual(Object.fromEntries(view), registry.truth);
  assert.deepEqual(registry.lists, ['m0', 'm0']);
});

test('the created reply moves nothing: a backlog lost after it is asked for again', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  const { clock, view } = await follow(t, registry);
  const { from } = registry.watch;
  const missed = registry.put('b', '2');
  registry.watch.created();
  registry.watch.fail();
  await clock.advance(SOON);
  assert.equal(registry.watch.from, from);
  registry.watch.created();
  registry.watch.events([missed]);
  assert.deepEqual(Object.fromEntries(view), { a: '1', b: '2' });
});

test('a catch-up of over 1,000 revisions that is cut in the middle resumes after the last event', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, view } = await follow(t, registry);
  for (let i = 0; i < 1_500; i++) registry.put(`key-${i}`, String(i));
  const backlog = registry.since(registry.watch.from);
  const { from } = registry.watch;
  registry.watch.created();
  // The header says where the registry is, 500 revisions beyond the last event of this batch.
  registry.watch.events(backlog.slice(0, 1_000), { revision: registry.revision });
  registry.watch.fail();
  await clock.advance(SOON);
  assert.equal(registry.watch.from, from + 1_000n);
  registry.watch.backlog();
  assert.deepEqual(Object.fromEntries(view), registry.truth);
});

test('a progress reply never moves the resume point, since it may overtake events', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock } = await follow(t, registry);
  const { from } = registry.watch;
  registry.put('a', '1');
  registry.watch.created();
  registry.watch.send({ kind: 'progress' });
  registry.watch.fail();
  await clock.advance(SOON);
  assert.equal(registry.watch.from, from);
});

test('fragments take effect together, and not at all when the stream ends between them', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, view } = await follow(t, registry);
  const { from } = registry.watch;
  const [a, b] = [registry.put('a', '1'), registry.put('b', '2')];
  registry.watch.events([a], { fragment: true });
  assert.equal(view.size, 0);
  registry.watch.fail();
  await clock.advance(SOON);
  assert.equal(registry.watch.from, from);
  registry.watch.events([a], { fragment: true });
  registry.watch.events([b]);
  assert.deepEqual(Object.fromEntries(view), { a: '1', b: '2' });
});

test('an event that is not newer than what is known of its key is ignored', async (t) => {
  const registry = new ScriptedRegistry();
  const listed = registry.put('a', 'old');
  const { view, told } = await follow(t, registry);
  const put = registry.put('a', 'new');
  const removed = registry.delete('a');
  registry.watch.events([put]);
  registry.watch.events([removed]);
  const before = told.length;
  registry.watch.events([put, removed, listed]);
  assert.equal(told.length, before);
  assert.equal(view.has('a'), false, 'a late duplicate does not bring back a deleted key');
});

test('a compacted history is listed again, and the jump loses no update', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  registry.put('b', '2');
  const { clock, view, relists } = await follow(t, registry);
  registry.watch.created();
  registry.delete('a');
  registry.put('c', '3');
  registry.compact();
  registry.watch.fail();
  await clock.advance(2 * SOON);
  assert.deepEqual(Object.fromEntries(view), registry.truth);
  assert.deepEqual(relists, ['start', 'compacted']);
});

test('another cluster id on the stream means another history: everything is listed again', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  registry.put('b', '2');
  const { clock, view, relists } = await follow(t, registry);
  registry.restore(registry.revision + 50n, { b: '3' });
  registry.clusterId = 'cluster-2';
  registry.watch.created();
  assert.equal(registry.watch.open, false);
  await clock.advance(SOON);
  assert.deepEqual(relists, ['start', 'cluster-changed']);
  assert.deepEqual(Object.fromEntries(view), { b: '3' });
});

test('another cluster id in a confirmation is believed too', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, relists } = await follow(t, registry);
  registry.watch.created();
  registry.answersProgress = false;
  registry.clusterId = 'cluster-2';
  while (registry.confirms < 2) await clock.advance(50);
  await clock.advance(1_000);
  assert.deepEqual(relists, ['start', 'cluster-changed']);
});

test('a registry whose revision went back was restored from a backup: everything is listed again', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  registry.put('b', '2');
  const { clock, view, relists } = await follow(t, registry);
  registry.watch.created();
  registry.restore(registry.revision - 1n, { a: '1' });
  await clock.advance(6_000);
  assert.deepEqual(relists, ['start', 'revision-went-back']);
  assert.deepEqual(Object.fromEntries(view), { a: '1' });
});

test('after a long outage everything is listed again, for a restored backup may have overtaken us', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  registry.put('b', '2');
  const { clock, view, relists } = await follow(t, registry);
  registry.watch.created();
  registry.onWatch = (watch) => watch.fail();
  registry.watch.fail();
  await clock.advance(4_000);
  registry.restore(registry.revision + 10n, { a: '1' });
  assert.deepEqual(relists, ['start'], 'a short outage goes on from where it was');
  await clock.advance(4_000);
  assert.equal(relists[1], 'outage');
  assert.deepEqual(Object.fromEntries(view), { a: '1' });
});

test('the list after an outage says how long nobody could tell what was lost', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, reflector, unconfirmed } = await follow(t, registry);
  registry.watch.created();
  registry.onWatch = (watch) => watch.fail();
  registry.listError = new RegistryError('broken', 'connection refused');
  registry.confirmError = registry.listError;
  registry.watch.fail();
  await clock.advance(12_000);
  const ageMs = reflector.state().confirmedMsAgo ?? 0;
  assert.ok(ageMs >= 12_000, `${ageMs}`);
  registry.listError = undefined;
  await clock.advance(SOON);
  const [first, second = 0] = unconfirmed;
  assert.equal(first, 0);
  assert.ok(second >= ageMs && second <= ageMs + SOON, `${second}`);
});

test('a member that lags behind is no restored backup', async (t) => {
  const registry = new ScriptedRegistry(['m0', 'm1']);
  registry.put('a', '1');
  const { clock, relists } = await follow(t, registry);
  registry.watch.send({ kind: 'created', revision: registry.revision - 1n });
  await clock.advance(6_000);
  assert.deepEqual(relists, ['start']);
});

test('a broken stream moves to the next member, and within 2 s', async (t) => {
  const registry = new ScriptedRegistry(['m0', 'm1', 'm2']);
  const { clock } = await follow(t, registry);
  for (const expected of ['m1', 'm2', 'm0']) {
    registry.watch.fail();
    await clock.advance(2_000);
    assert.equal(registry.watch.member, expected);
  }
});

test('waits grow with each round of the members, not with each member', async (t) => {
  const registry = new ScriptedRegistry(['m0', 'm1', 'm2']);
  // The longest waits that there can be.
  const { clock } = await follow(t, registry, () => 0.999_999);
  for (const [waitMs, expected] of [
    [500, 'm1'],
    [500, 'm2'],
    [500, 'm0'],
    [1_000, 'm1'],
  ] as const) {
    registry.watch.fail();
    await clock.advance(waitMs - 20);
    assert.notEqual(registry.watch.member, expected);
    await clock.advance(20);
    assert.equal(registry.watch.member, expected);
  }
});

test('errors never empty the view: it only gets older', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  const { clock, view, reflector } = await follow(t, registry);
  registry.confirmError = registry.listError = new RegistryError('broken', 'no route to host');
  registry.onWatch = (watch) => watch.fail(new RegistryError('unknown', 'strange'));
  registry.watch.fail();
  await clock.advance(60_000);
  assert.deepEqual(Object.fromEntries(view), { a: '1' });
  const state = reflector.state();
  assert.equal(state.connected, false);
  assert.ok((state.confirmedMsAgo ?? 0) >= 60_000);
  assert.equal(state.lastError, 'no route to host');
});

test('an error that nobody foresaw leads to a new list, and repeated ones to fewer of them', async (t) => {
  const registry = new ScriptedRegistry();
  registry.onWatch = (watch) => {
    watch.created();
    watch.fail(new RegistryError('unknown', 'strange'));
  };
  const { clock, relists } = await follow(t, registry);
  await clock.advance(60_000);
  assert.equal(relists[1], 'unknown-error');
  assert.ok(relists.length > 20 && relists.length < 120, `${relists.length} lists in a minute`);
});

test('a refusal is answered by one quick try with a new token, and then by fewer and fewer', async (t) => {
  const registry = new ScriptedRegistry();
  registry.listError = new RegistryError('refused', 'permission denied');
  const { clock } = await follow(t, registry);
  await clock.advance(60);
  assert.equal(registry.lists.length, 2);
  await clock.advance(120_000);
  const inTwoMinutes = registry.lists.length;
  assert.ok(inTwoMinutes > 12 && inTwoMinutes < 60, `${inTwoMinutes} tries in two minutes`);
});

test('whoever was let in before is back within 5 s of being let in again, however long that took', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock } = await follow(t, registry);
  registry.confirmError = new RegistryError('refused', 'invalid user ID or password');
  registry.onWatch = (watch) => watch.fail(registry.confirmError);
  registry.watch.fail(registry.confirmError);
  await clock.advance(120_000);
  const tried = registry.watches.length;
  await clock.advance(4_100);
  assert.ok(registry.watches.length > tried);
});

test('a fleet that loses one member at one moment does not come back at one moment', async () => {
  const clock = new ManualClock();
  const registries = Array.from({ length: 20 }, () => new ScriptedRegistry());
  const reflectors = registries.map((client, seed) => {
    const ignore = (): void => {};
    const listener = {
      ...{ changes: ignore, connected: ignore, disconnected: ignore },
      ...{ relisted: ignore, drift: ignore, fault: ignore },
    };
    return new Reflector({ client, clock, random: seededRandom(seed), listener });
  });
  for (const reflector of reflectors) reflector.start();
  await settle();
  for (const registry of registries) registry.watch.fail();
  const back: number[] = [];
  for (let passed = 0; passed < 500; passed += 50) {
    await clock.advance(50);
    back.push(registries.filter(({ watches }) => watches.length === 2).length);
  }
  assert.ok((back[1] ?? 0) < 10, `after 100 ms ${back[1]} of 20 are back`);
  assert.equal(back.at(-1), 20);
  await Promise.all(reflectors.map((reflector) => reflector.close()));
});

test('a registry that appears late is listed when it does', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  registry.listError = new RegistryError('broken', 'connection refused');
  const { clock, view, reflector } = await follow(t, registry);
  await clock.advance(30_000);
  assert.equal(reflector.state().ready, false);
  registry.listError = undefined;
  await clock.advance(2_000);
  assert.equal(reflector.state().ready, true);
  assert.deepEqual(Object.fromEntries(view), { a: '1' });
});

test('progress is asked for each second, and a stream that does not answer twice is given up', async (t) => {
  const registry = new ScriptedRegistry(['m0', 'm1']);
  const { clock } = await follow(t, registry);
  registry.watch.created();
  await clock.advance(1_000);
  registry.answersProgress = false;
  await clock.advance(1_500);
  assert.equal(registry.watches.length, 1);
  assert.ok(registry.watch.progressRequests >= 2);
  await clock.advance(1_000);
  assert.equal(registry.watch.member, 'm1');
});

test('a stream that has yet to start owes no answer: nothing was written since the list', async (t) => {
  const registry = new ScriptedRegistry(['m0', 'm1']);
  const { clock } = await follow(t, registry);
  registry.answersProgress = false;
  registry.watch.created();
  await clock.advance(30_000);
  assert.equal(registry.watches.length, 1);
  registry.put('a', '1');
  await clock.advance(9_000);
  assert.equal(registry.watches[1]?.member, 'm1', 'once there was a write, it does');
});

test('two confirmations without an answer change the member; one does not', async (t) => {
  const registry = new ScriptedRegistry(['m0', 'm1']);
  const { clock } = await follow(t, registry);
  registry.watch.created();
  const before = registry.confirms;
  registry.confirmError = new RegistryError('broken', 'deadline exceeded');
  while (registry.confirms === before) await clock.advance(50);
  registry.confirmError = undefined;
  await clock.advance(1_000);
  assert.equal(registry.watches.length, 1, 'one failure');
  registry.confirmError = new RegistryError('broken', 'deadline exceeded');
  const asked = registry.confirms;
  let failed = 0;
  registry.onWatch = () => {
    failed = registry.confirms - asked;
    registry.confirmError = undefined;
  };
  await clock.advance(7_500);
  // The new session has asked once already when its stream opens.
  assert.equal(failed, 3);
  assert.equal(registry.watch.member, 'm1');
});

test('the view counts as confirmed only once the stream got as far as the registry had', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, reflector } = await follow(t, registry);
  registry.watch.created();
  registry.answersProgress = false;
  const missing = registry.put('a', '1');
  const age = (): number => reflector.state().confirmedMsAgo ?? Number.NaN;
  for (let i = 0; i < 5; i++) {
    await clock.advance(900);
    registry.watch.created();
  }
  assert.equal(age(), 4_500, 'the registry answers, but the stream has not brought revision 2');
  registry.watch.events([missing]);
  assert.ok(age() < 4_500);
});

test('while only others write, a confirmation has the stream asked for its progress at once', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, reflector } = await follow(t, registry);
  registry.watch.created();
  while (registry.confirms < 2) {
    registry.revision += 1n;
    await clock.advance(10);
  }
  assert.ok((reflector.state().confirmedMsAgo ?? Infinity) <= 10);
});

test('a stream that never gets as far as an audit is replaced by a new list and another stream', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, relists, reflector } = await follow(t, registry);
  registry.answersProgress = false;
  registry.revision += 1n;
  for (let second = 0; second < 310; second++) {
    registry.watch.created();
    await clock.advance(1_000);
  }
  assert.deepEqual(relists.slice(0, 2), ['start', 'periodic']);
  assert.ok(registry.watches.length >= 2);
  assert.equal(reflector.state().drift, 0);
});

test('an audit finds and repairs what the watch never brought, and counts it', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  registry.put('b', '2');
  const { clock, view, drift, reflector, relists } = await follow(t, registry);
  registry.watch.created();
  registry.delete('a');
  registry.put('b', '3');
  registry.put('c', '4');
  await clock.advance(310_000);
  assert.deepEqual(Object.fromEntries(view), registry.truth);
  assert.deepEqual(drift.sort(), ['a', 'b', 'c']);
  assert.equal(reflector.state().drift, 3);
  assert.ok(relists.includes('periodic'));
});

test('an audit counts no drift for events that are still on their way, nor without cause', async (t) => {
  const registry = new ScriptedRegistry();
  registry.put('a', '1');
  const { clock, reflector, relists } = await follow(t, registry);
  registry.watch.created();
  for (let second = 0; second < 700; second++) {
    const late = registry.put('a', String(second));
    await clock.advance(900);
    registry.watch.events([late]);
    await clock.advance(100);
  }
  assert.ok(relists.filter((reason) => reason === 'periodic').length >= 2);
  assert.equal(reflector.state().drift, 0);
});

test('closing ends the stream and leaves no timer', async (t) => {
  const registry = new ScriptedRegistry();
  const { clock, reflector } = await follow(t, registry);
  registry.watch.created();
  await reflector.close();
  assert.equal(registry.watch.open, false);
  assert.equal(clock.pending, 0);
});
