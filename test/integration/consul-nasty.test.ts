import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import {
  type ConsulSource,
  type ConsulSourceOptions,
  createConsulSource,
} from '../../src/discovery/consul/source.js';
import { type FakeConsul, type FakeScript, healthEntry, startFakeConsul } from '../support/fake-consul.js';
import { type FollowedSource, follow } from '../support/followed-source.js';
import { ManualClock } from '../support/manual-clock.js';

interface Played extends FollowedSource<ConsulSource> {
  readonly fake: FakeConsul;
}

/** A source of `goods` on a fake Consul that plays `script`. */
async function played(
  t: TestContext,
  script: FakeScript,
  options: Partial<ConsulSourceOptions> = {},
): Promise<Played> {
  const fake = await startFakeConsul(script);
  t.after(() => fake.close());
  const wanted = { services: ['goods'], all: false };
  const followed = follow(t, (announce) =>
    createConsulSource({
      ...{ name: 'main', endpoints: [fake.endpoint], wanted, announce },
      clock: systemClock,
      random: systemRandom,
      ...options,
    }),
  );
  return { ...followed, fake };
}

const one = [healthEntry('10.0.0.1')];
const two = [healthEntry('10.0.0.1'), healthEntry('10.0.0.2')];

/** Answers at once with `body` to whoever does not know `index` yet, and holds the rest. */
const at =
  (index: number, body: unknown): FakeScript =>
  (query) =>
    query.index === String(index) ? 'hold' : { index, body };

test('a query asks for what passes, from the index of the last answer, for 55 seconds, with token and datacenter', async (t) => {
  const { addresses, fake, until } = await played(t, at(7, one), { token: 's3cret', datacenter: 'dc2' });
  await addresses('goods', ['10.0.0.1:80']);
  await until('asked again', () => fake.queries.length === 2);
  const [first, second] = fake.queries;
  assert.deepEqual([first?.path, first?.index, first?.wait], ['/v1/health/service/goods', '', '']);
  assert.deepEqual([second?.index, second?.wait], ['7', '55000ms']);
  for (const { query, token } of fake.queries) {
    assert.deepEqual([query.get('passing'), query.get('dc'), token], ['1', 'dc2', 's3cret']);
  }
});

test('an index that went backwards is not asked from: all is read again', async (t) => {
  const { addresses, fake, until, events } = await played(t, at(900, one));
  await addresses('goods', ['10.0.0.1:80']);
  await until('waiting', () => fake.queries.length === 2);
  fake.play((query) => (query.index === '3' ? 'hold' : { index: 3, body: two }));
  await addresses('goods', ['10.0.0.1:80', '10.0.0.2:80']);
  await until('waiting again', () => fake.queries.at(-1)?.index === '3');
  assert.deepEqual(
    fake.queries.map(({ index }) => index),
    ['', '900', '', '3'],
  );
  assert.ok(events.some(({ kind, detail }) => kind === 'relisted' && detail === 'revision-went-back'));
});

test('an index of 0 is asked from as 1, so that it cannot make a loop', async (t) => {
  const { addresses, fake, until } = await played(t, (query) =>
    query.index === '1' ? 'hold' : { index: 0, body: one },
  );
  await addresses('goods', ['10.0.0.1:80']);
  await until('waiting', () => fake.queries.length === 2);
  assert.equal(fake.queries[1]?.index, '1');
});

test('answers that say nothing new come to nothing, and are asked for twice a second at most', async (t) => {
  let index = 7;
  const { addresses, fake, source } = await played(t, () => ({ index: index++, body: one }));
  await addresses('goods', ['10.0.0.1:80']);
  const snapshot = source.snapshot();
  const before = fake.queries.length;
  await sleep(2_000);
  const asked = fake.queries.length - before;
  assert.ok(asked >= 3 && asked <= 6, `${asked} in two seconds`);
  assert.equal(source.snapshot(), snapshot, 'the same list makes no new snapshot');
});

test('a change after a rest is asked after at once', async (t) => {
  const time = new ManualClock();
  const clock: Clock = {
    now: () => time.now(),
    monotonic: () => time.monotonic(),
    after: (delayMs, task) => (delayMs > 0 ? time : systemClock).after(delayMs, task),
  };
  const { addresses, fake, until } = await played(t, at(7, one), { clock });
  await until('waiting', () => fake.queries.length === 2);
  await time.advance(1_000);
  fake.play(at(8, two));
  await addresses('goods', ['10.0.0.1:80', '10.0.0.2:80']);
  await until('asked again, though time stands still', () => fake.queries.at(-1)?.index === '8');
});

describe('what is no list', { concurrency: 8 }, () => {
  for (const [what, answer] of [
    ['no leader', { status: 500, body: 'No cluster leader' }],
    ['a leader that is not known', { index: 9, body: [], headers: { 'x-consul-knownleader': 'false' } }],
    ['a refusal', { status: 403, body: 'Permission denied' }],
    ['a path that is not there', { status: 404, body: 'not found' }],
    ['too many connections', { status: 429, body: 'Your IP is issuing too many concurrent connections' }],
    [
      'an emptiness that the token may not see through',
      { index: 9, body: [], headers: { 'X-Consul-Results-Filtered-By-ACLs': 'true' } },
    ],
    ['a page of somebody else', { body: '<html>captive portal</html>' }],
    ['an answer without an index', { body: [] }],
    ['null', { index: 9, body: null }],
    ['a list with an entry that is none', { index: 9, body: [healthEntry('10.0.0.1'), { Service: 5 }] }],
  ] as const) {
    test(`${what} never empties a list, is told, and is over when it is over`, async (t) => {
      const { addresses, endpoints, fake, until } = await played(t, at(7, two));
      await addresses('goods', ['10.0.0.1:80', '10.0.0.2:80']);
      await until('waiting', () => fake.queries.length === 2);
      fake.play(() => answer);
      await until('told', (view) => !view.connected && view.lastError !== null);
      await until('asked again', () => fake.queries.length >= 4);
      assert.equal(endpoints('goods').length, 2);
      fake.play(at(8, one));
      await addresses('goods', ['10.0.0.1:80']);
      await until('well again', (view) => view.connected && view.lastError === null);
    });

    test(`${what} at the start is not taken for a first list`, async (t) => {
      const { source, until, addresses, fake } = await played(t, () => answer);
      await until('told', (view) => view.lastError !== null);
      assert.equal(source.snapshot(), undefined);
      assert.deepEqual([source.view().ready, source.view().confirmedMsAgo], [false, null]);
      fake.play(at(7, one));
      await addresses('goods', ['10.0.0.1:80']);
    });
  }
});

test('an empty list that Consul stands by is believed', async (t) => {
  const { addresses, fake, until } = await played(t, at(7, two));
  await until('waiting', () => fake.queries.length === 2);
  fake.play(at(8, []));
  await addresses('goods', []);
});

test('what left after it said that it drains has left of its own will', async (t) => {
  const draining = healthEntry('10.0.0.1', 80, { Meta: { draining: 'true' } });
  const { addresses, fake, until, source } = await played(t, at(7, [draining, healthEntry('10.0.0.2')]));
  await until('waiting', () => fake.queries.length === 2);
  fake.play(at(8, []));
  await addresses('goods', []);
  assert.deepEqual(
    [...(source.snapshot()?.departures ?? [])].map(([{ address }, { willing }]) => [address, willing]),
    [
      ['10.0.0.1:80', true],
      ['10.0.0.2:80', false],
    ],
  );
});

test('the view is proved current every few seconds while its query waits', async (t) => {
  const { addresses, until, source } = await played(t, at(7, one));
  await addresses('goods', ['10.0.0.1:80']);
  await until('older', (view) => (view.confirmedMsAgo ?? 0) > 2_000);
  await until('proved again', (view) => (view.confirmedMsAgo ?? Number.POSITIVE_INFINITY) < 500);
  assert.equal(source.view().connected, true);
});
