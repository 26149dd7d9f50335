import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigKeeper } from '../../src/config/keeper.js';
import { loadConfigFile, parseConfig } from '../../src/config/load.js';
import { type ConfigOrigin, fileOrigin } from '../../src/config/origin.js';
import type { Settings } from '../../src/config/settings.js';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { type ConfigEvent, EventHub } from '../../src/core/events.js';
import { ManualClock } from '../support/manual-clock.js';
import { Sequence } from '../support/sequence.js';

const ONE = 'routes:\n  - { prefix: /one, service: goods }\n';
const TWO = 'routes:\n  - { prefix: /two, service: goods }\n';
const THREE = 'routes:\n  - { prefix: /three, service: goods }\n';
const WRONG = 'routes:\n  - { prefix: /two, servce: goods }\n';

interface Kept {
  readonly keeper: ConfigKeeper;
  readonly file: string;
  readonly clock: ManualClock;
  /** Prefixes of the routes that were put in force, in order. */
  readonly applied: readonly string[];
  readonly events: Sequence<ConfigEvent>;
  write(text: string): Promise<void>;
}

interface KeepOptions {
  readonly text?: string;
  /** What `apply` says or does. */
  readonly apply?: (settings: Settings) => readonly string[];
  readonly watchClock?: Clock;
}

/** A keeper of a file that holds `text`, not yet following it. */
async function kept(t: TestContext, options: KeepOptions = {}): Promise<Kept> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-keeper-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'routes.yaml');
  await writeFile(file, options.text ?? ONE);
  const loaded = await loadConfigFile(file, {});
  assert.ok('settings' in loaded);
  const clock = new ManualClock();
  const applied: string[] = [];
  const hub = new EventHub();
  const events = new Sequence<ConfigEvent>('change of configuration');
  hub.on('config', (event) => events.push(event));
  const keeper = new ConfigKeeper({
    initial: loaded.settings,
    origin: fileOrigin(file),
    environment: { PREFIX: '/from-environment' },
    apply: (settings) => {
      applied.push(prefixOf(settings));
      return options.apply?.(settings) ?? [];
    },
    announce: hub.announce,
    clock: options.watchClock ?? clock,
  });
  t.after(() => keeper.close());
  return { keeper, file, clock, applied, events, write: (text) => writeFile(file, text) };
}

function prefixOf(settings: Settings): string {
  return settings.routes.map(({ prefix }) => prefix).join();
}

test('what was loaded at the start is the first generation', async (t) => {
  const { keeper, file, clock, applied } = await kept(t);
  assert.equal(prefixOf(keeper.settings), '/one');
  assert.deepEqual(keeper.view(), {
    generation: 1,
    file,
    loadedAt: clock.now(),
    lastReloadSuccessful: true,
    errors: [],
  });
  assert.deepEqual(applied, []);
});

test('a valid file is put in force and makes a new generation', async (t) => {
  const { keeper, write, clock, applied, events } = await kept(t);
  await write(TWO);
  await clock.advance(5_000);
  assert.deepEqual(await keeper.reload(), []);
  assert.deepEqual(applied, ['/two']);
  assert.equal(prefixOf(keeper.settings), '/two');
  assert.deepEqual([keeper.view().generation, keeper.view().loadedAt], [2, clock.now()]);
  const detail = ['routes[/one]: removed', 'routes[/two]: added'];
  assert.deepEqual(events.items, [{ at: clock.now(), generation: 2, ok: true, detail }]);
});

test('a file that means the same changes nothing and is no event', async (t) => {
  const { keeper, write, applied, events } = await kept(t);
  await write(`# a comment\nroutes:\n  - service: goods\n    prefix: "/one"\n`);
  assert.deepEqual(await keeper.reload(), []);
  assert.deepEqual([applied, events.items, keeper.view().generation], [[], [], 1]);
});

test('after a mistake the last good settings stay in force, and every mistake is shown at its place', async (t) => {
  const { keeper, file, write, applied, events } = await kept(t);
  await write(`${WRONG}listne: 0.0.0.0:80\n`);
  const errors = await keeper.reload();
  assert.equal(errors.length >= 2, true, errors.join('\n'));
  assert.ok(errors[0]?.startsWith(`${file}:2:`), errors[0]);
  assert.deepEqual([applied, prefixOf(keeper.settings)], [[], '/one']);
  const { generation, lastReloadSuccessful, errors: shown } = keeper.view();
  assert.deepEqual([generation, lastReloadSuccessful, shown], [1, false, errors]);
  const [event] = events.items;
  assert.deepEqual([event?.ok, event?.generation, event?.detail], [false, 1, errors]);
});

test('a mistake that is mended by going back is over, without a new generation', async (t) => {
  const { keeper, write, applied, events } = await kept(t);
  await write(WRONG);
  await keeper.reload();
  await write(ONE);
  assert.deepEqual(await keeper.reload(), []);
  assert.deepEqual([keeper.view().lastReloadSuccessful, keeper.view().errors], [true, []]);
  assert.deepEqual([applied, keeper.view().generation], [[], 1]);
  assert.deepEqual(
    events.items.map(({ ok }) => ok),
    [false, true],
  );
});

test('a mistake that is mended by something new makes one new generation', async (t) => {
  const { keeper, write, applied } = await kept(t);
  await write(WRONG);
  await keeper.reload();
  await write(TWO);
  await keeper.reload();
  assert.deepEqual([applied, keeper.view().generation], [['/two'], 2]);
  assert.equal(keeper.view().lastReloadSuccessful, true);
});

test('a file that cannot be read changes nothing', async (t) => {
  const { keeper, file, applied } = await kept(t);
  await rm(file);
  const errors = await keeper.reload();
  assert.deepEqual(errors, [`cannot read ${file}: there is no such file`]);
  assert.deepEqual([applied, prefixOf(keeper.settings), keeper.view().errors], [[], '/one', errors]);
});

test('settings that cannot be put in force are refused, and the old ones stay', async (t) => {
  const refuse = (): never => {
    throw new Error('no room for more routes');
  };
  const { keeper, write } = await kept(t, { apply: refuse });
  await write(TWO);
  assert.deepEqual(await keeper.reload(), ['no room for more routes']);
  assert.deepEqual([prefixOf(keeper.settings), keeper.view().generation], ['/one', 1]);
  assert.equal(keeper.view().lastReloadSuccessful, false);
});

test('what only the next start can change is said to be so, once, of its option and of what has none', async (t) => {
  const { keeper, write, events } = await kept(t, { apply: () => ['listen', 'server'] });
  await write(`${TWO}listen: 127.0.0.1:9999\n`);
  assert.deepEqual(await keeper.reload(), []);
  const [event] = events.items;
  assert.equal(event?.ok, true);
  assert.deepEqual(event?.detail, [
    'server: changed (takes effect at the next start)',
    'listen.host: "0.0.0.0" → "127.0.0.1" (takes effect at the next start)',
    'listen.port: 8080 → 9999 (takes effect at the next start)',
    'routes[/one]: removed',
    'routes[/two]: added',
  ]);
});

test('of a secret it is said once that it changed', async (t) => {
  const { keeper, write, events } = await kept(t, { apply: () => ['adminToken'] });
  await write(`${ONE}adminToken: hunter2-hunter2\n`);
  await keeper.reload();
  assert.deepEqual(events.items[0]?.detail, ['adminToken: changed (takes effect at the next start)']);
});

test('a registry is told of by the options that changed', async (t) => {
  const { keeper, write, events } = await kept(t, { apply: () => ['registries'] });
  await write(
    `${ONE}registry: { type: etcd, endpoints: [http://127.0.0.1:1], password: hunter2, username: a }\n`,
  );
  await keeper.reload();
  const detail = events.items[0]?.detail.join('\n') ?? '';
  assert.doesNotMatch(detail, /hunter2/);
  for (const line of detail.split('\n'))
    assert.match(line, /^registr\S+: .* \(takes effect at the next start\)$/);
});

test('a refused text is told of once, though it is loaded on request and then noticed as well', async () => {
  const loaded = parseConfig(ONE, 'routes.yaml', {});
  assert.ok('settings' in loaded);
  let text = WRONG;
  const noticed: (() => void)[] = [];
  const origin: ConfigOrigin = {
    name: 'routes.yaml',
    read: async () => text,
    follow({ onChange }) {
      noticed.push(onChange);
      return { ready: Promise.resolve(), forget() {}, close() {} };
    },
  };
  const hub = new EventHub();
  const refusals: string[] = [];
  hub.on('config', ({ ok, detail }) => refusals.push(ok ? 'taken' : detail.join()));
  const keeper = new ConfigKeeper({
    ...{ initial: loaded.settings, origin, environment: {}, announce: hub.announce },
    apply: () => [],
    clock: new ManualClock(),
  });
  const notice = (): void => {
    for (const onChange of noticed) onChange();
  };

  await keeper.start();
  notice();
  await keeper.reload();
  assert.equal(refusals.length, 2, 'once at the start, and for whoever asked');
  text = 'routes: 1\n';
  await keeper.reload();
  notice();
  text = ONE;
  notice();
  await keeper.reload();
  assert.deepEqual(refusals.slice(2), ['routes.yaml:1:9: routes: wanted a list, got 1', 'taken']);
});

test('the environment is the one given at the start', async (t) => {
  const { keeper, write, applied } = await kept(t);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the text under test.
  await write('routes:\n  - prefix: "${PREFIX}"\n    service: goods\n');
  assert.deepEqual(await keeper.reload(), []);
  assert.deepEqual(applied, ['/from-environment']);
});

test('reloads run one after the other, so that an older file read slowly cannot win over a newer one', async (t) => {
  const { keeper, file, write, applied } = await kept(t);
  await write(`${TWO}${'# long\n'.repeat(500_000)}`);
  const slow = keeper.reload();
  await writeFile(`${file}.new`, THREE);
  await rename(`${file}.new`, file);
  const quick = keeper.reload();
  assert.deepEqual(await Promise.all([slow, quick]), [[], []]);
  assert.equal(prefixOf(keeper.settings), '/three');
  assert.equal(applied.at(-1), '/three');
  assert.equal(keeper.view().generation, 1 + applied.length);
});

test('a change between the first load and the start is noticed', async (t) => {
  const { keeper, write, applied } = await kept(t);
  await write(TWO);
  await keeper.start();
  assert.deepEqual(applied, ['/two']);
});

test('once started, a change of the file is put in force by itself; once closed, no more', async (t) => {
  const { keeper, write, events } = await kept(t, { watchClock: systemClock });
  await keeper.start();
  await write(TWO);
  assert.equal((await events.nth(0)).ok, true);
  await write(WRONG);
  assert.equal((await events.nth(1)).ok, false);
  assert.equal(prefixOf(keeper.settings), '/two');
  keeper.close();
  await write(THREE);
  // A watch of its own reports the same change at the same time as the closed one would have.
  const other = await kept(t, { watchClock: systemClock });
  await other.keeper.start();
  await other.write(TWO);
  await other.events.nth(0);
  assert.equal(events.items.length, 2);
});

test('settings that came from a program cannot be loaded again, and stay', async (t) => {
  const { keeper: donor } = await kept(t);
  const keeper = new ConfigKeeper({
    initial: donor.settings,
    origin: undefined,
    environment: {},
    apply: () => assert.fail('nothing to apply'),
    announce: () => assert.fail('nothing to announce'),
    clock: new ManualClock(),
  });
  await keeper.start();
  assert.equal((await keeper.reload()).length, 1);
  const { file, lastReloadSuccessful } = keeper.view();
  assert.deepEqual([file, lastReloadSuccessful], [null, true]);
  keeper.close();
});
