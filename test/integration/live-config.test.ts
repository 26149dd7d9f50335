import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import * as z from 'zod';
import { type LiveConfig, type WatchConfigOptions, watchConfig } from '../../src/live-config/watch-config.js';
import { type EtcdServer, etcdctl, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import { Sequence } from '../support/sequence.js';

const [version] = etcdVersions;
const greeter = z.strictObject({ greeting: z.string(), times: z.int().default(1) });
type Greeter = z.output<typeof greeter>;

describe('watchConfig', { skip: version === undefined && 'etcd is not here' }, () => {
  let etcd: EtcdServer;
  let keys = 0;
  before(async () => {
    etcd = await startEtcd(version ?? '3.4');
  });
  after(() => etcd.stop());

  const member = (t: TestContext) => openMembers(t, { endpoints: [etcd.endpoint] }).current();
  const registry = () => etcd.endpoint.replace('http:', 'etcd:');
  const freshKey = (): string => `/app-${++keys}/settings`;

  async function watched<T>(t: TestContext, options: Omit<WatchConfigOptions<T>, 'registry'>) {
    const config = await watchConfig({ registry: registry(), ...options });
    t.after(() => config.close());
    const changes = new Sequence<readonly [T, T]>('change');
    config.on('change', (...change) => changes.push(change));
    const refusals = new Sequence<readonly string[]>('refusal');
    config.on('refused', (errors) => refusals.push(errors));
    return { config, changes, refusals };
  }

  test('the value is typed, follows the key in YAML and JSON, and an equal one is no change', async (t) => {
    const key = freshKey();
    await member(t).put(key, 'greeting: hello');
    const { config, changes } = await watched<Greeter>(t, { key, schema: greeter });
    const { greeting, times }: Greeter = config.value;
    assert.deepEqual([greeting, times], ['hello', 1]);
    await member(t).put(key, '# the same\n{"times": 1, "greeting": "hello"}');
    await member(t).put(key, '{"greeting":"ahoy","times":2}');
    const before = { greeting: 'hello', times: 1 };
    assert.deepEqual(await changes.nth(0), [{ greeting: 'ahoy', times: 2 }, before]);
    assert.deepEqual([config.value, config.state().fromRegistry], [{ greeting: 'ahoy', times: 2 }, true]);
  });

  test('what the schema refuses is told with its place, and the last good value stays', async (t) => {
    const key = freshKey();
    await member(t).put(key, 'greeting: hello');
    const { config, refusals, changes } = await watched<Greeter>(t, { key, schema: greeter });
    const place = `${registry()}${key}`;
    await member(t).put(key, 'greeting: hello\ntimes: many\n');
    const [error = ''] = await refusals.nth(0);
    assert.ok(error.startsWith(`${place}:2:8: times: `), error);
    await member(t).put(key, 'greeting: "hello\n');
    assert.match((await refusals.nth(1)).join(), new RegExp(`${place}:\\d+:\\d+: not valid YAML`));
    await member(t).deleteRange(key);
    assert.deepEqual(await refusals.nth(2), [`cannot read ${place}: there is no such key`]);
    assert.deepEqual([config.value.greeting, config.state().errors], ['hello', refusals.items[2]]);
    await member(t).put(key, 'greeting: again');
    await changes.nth(0);
    assert.deepEqual([config.value.greeting, config.state().errors], ['again', []]);
  });

  test('bytes that are not text are refused rather than changed', async (t) => {
    const key = freshKey();
    await member(t).put(key, 'greeting: hello');
    const { config, refusals } = await watched<Greeter>(t, { key, schema: greeter });
    const input = Buffer.from([0x67, 0xff, 0xfe]);
    await etcdctl(version ?? '3.4', etcd.endpoint, ['put', key], { input });
    assert.match((await refusals.nth(0)).join(), /not UTF-8 text$/);
    assert.equal(config.value.greeting, 'hello');
  });

  test('a prefix is one map, with a level for each part of the keys and a place for each mistake', async (t) => {
    const prefix = `${freshKey()}/`;
    const api = member(t);
    await api.put(`${prefix}db/host`, 'db.internal');
    await api.put(`${prefix}db/port`, '5432');
    await api.put(`${prefix}features`, '[a, b]');
    await api.put(`${prefix.slice(0, -1)}-other`, 'not ours');
    const schema = z.strictObject({
      db: z.strictObject({ host: z.string(), port: z.int() }),
      features: z.array(z.string()).default([]),
    });
    const { config, changes, refusals } = await watched(t, { key: prefix, schema });
    assert.deepEqual(config.value, { db: { host: 'db.internal', port: 5432 }, features: ['a', 'b'] });
    await api.put(`${prefix}features`, '[a, 2]');
    const [error = ''] = await refusals.nth(0);
    assert.ok(error.startsWith(`${registry()}${prefix}features:1:5: features[1]: `), error);
    await api.deleteRange(`${prefix}features`);
    await changes.nth(0);
    assert.deepEqual(config.value.features, []);
    await api.put(`${prefix}db`, 'a value where there are keys below');
    assert.match((await refusals.nth(1)).join(), /db\/host: a key above it has a value of its own$/);
    await api.deleteRange(prefix, { prefix: true });
    assert.match((await refusals.nth(2)).join(), /there is no key below it$/);
    assert.equal(config.value.db.port, 5432);
  });

  test('a function is a schema too, and may take its time; only the newest value counts', async (t) => {
    const key = freshKey();
    await member(t).put(key, '0');
    const { config, changes } = await watched<number>(t, {
      key,
      schema: async (value) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (typeof value !== 'number') throw new Error('wanted a number');
        return value;
      },
    });
    const api = member(t);
    for (let number = 1; number <= 30; number += 1) await api.put(key, String(number));
    for (let next = 0; config.value !== 30; next += 1) await changes.nth(next);
    assert.deepEqual(
      changes.items.map(([value]) => value),
      changes.items.map(([value]) => value).toSorted((a, b) => a - b),
    );
  });

  test('through an outage the value stays, and is caught up afterwards even if the history is gone', async (t) => {
    const key = freshKey();
    await member(t).put(key, 'greeting: hello');
    const { config, changes } = await watched<Greeter>(t, { key, schema: greeter });
    const away = new Promise<string>((resolve) => config.once('disconnected', resolve));
    etcd.kill();
    assert.notEqual(await away, '');
    assert.deepEqual([config.value.greeting, config.state().connected], ['hello', false]);
    assert.match(config.state().errors.join(), /^cannot read etcd:\/\//);
    await etcd.restart();
    const api = member(t);
    for (let more = 0; more < 3; more += 1) await api.put('/elsewhere', String(more));
    const { revision } = await api.put(key, 'greeting: back');
    await api.compact(revision);
    await changes.nth(0);
    assert.equal(config.value.greeting, 'back');
  });

  test('without a good value at first it rejects, and says why; with a fallback it goes on', async (t) => {
    const key = freshKey();
    const schema = greeter;
    await assert.rejects(watchConfig({ registry: registry(), key, schema }), {
      code: 'KEY_MISSING',
      message: /there is no such key$/,
    });
    const fallback: Greeter = { greeting: 'by default', times: 1 };
    const { config, changes } = await watched<Greeter>(t, { key, schema, fallback });
    assert.deepEqual([config.value, config.state().fromRegistry], [fallback, false]);
    await member(t).put(key, 'greting: hello');
    await assert.rejects(watchConfig({ registry: registry(), key, schema }), {
      code: 'CONFIG_INVALID',
      message: /settings:1:1: /,
    });
    await member(t).put(key, 'greeting: hello');
    await changes.nth(0);
    assert.deepEqual([config.value.greeting, config.state().fromRegistry], ['hello', true]);
  });

  test('once closed it follows no more, and keeps its value', async (t) => {
    const key = freshKey();
    await member(t).put(key, 'greeting: hello');
    const closed: LiveConfig<Greeter> = await watchConfig({ registry: registry(), key, schema: greeter });
    const { changes } = await watched<Greeter>(t, { key, schema: greeter });
    await Promise.all([closed.close(), closed.close()]);
    await member(t).put(key, 'greeting: later');
    await changes.nth(0);
    assert.equal(closed.value.greeting, 'hello');
  });
});

test('a registry that is not there is given up after a while, or done without', async (t) => {
  const options = { registry: 'etcd://127.0.0.1:1', key: '/app', schema: greeter, patienceMs: 100 };
  await assert.rejects(watchConfig(options), {
    code: 'REGISTRY_UNAVAILABLE',
    message: /^cannot read etcd:\/\/127\.0\.0\.1:1\/app: connect ECONNREFUSED/,
  });
  const fallback = { greeting: 'by default', times: 1 };
  const config = await watchConfig({ ...options, fallback });
  t.after(() => config.close());
  assert.equal(config.value, fallback);
  await assert.rejects(watchConfig({ ...options, key: '' }), { code: 'REGISTRY_URL' });
  await assert.rejects(watchConfig({ ...options, registry: 'consul://127.0.0.1:8500' }), {
    code: 'REGISTRY_URL',
  });
});
