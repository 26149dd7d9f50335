import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { systemClock } from '../../src/core/clock.js';
import { type ConfigEvent, EventHub, type SourceEvent } from '../../src/core/events.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { startGateway } from '../../src/gateway.js';
import { parseKeyUrl, withCredentials } from '../../src/live-config/key-location.js';
import { KeyOrigin } from '../../src/live-config/key-origin.js';
import { runCommand } from '../support/command.js';
import { type EtcdServer, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import { WatchgateProcess } from '../support/gateway-process.js';
import { withListeners } from '../support/gateway-under-test.js';
import { registryYaml } from '../support/registry-under-test.js';
import { Sequence } from '../support/sequence.js';

const [version] = etcdVersions;
const ONE = withListeners('routes: [{ prefix: /one, service: goods }]\n');
const TWO = withListeners('routes: [{ prefix: /two, service: goods }]\n');
const WRONG = withListeners('routes:\n  - { prefix: /two, servce: goods }\n');
const SILENCE = { dropped: 0, write: () => undefined, close: async () => undefined };

describe('configuration in a key of etcd', { skip: version === undefined && 'etcd is not here' }, () => {
  let etcd: EtcdServer;
  let keys = 0;
  before(async () => {
    etcd = await startEtcd(version ?? '3.4');
  });
  after(() => etcd.stop());

  const put = (t: TestContext, key: string, text: string) => member(t).put(key, text);
  const member = (t: TestContext) => openMembers(t, { endpoints: [etcd.endpoint] }).current();
  const urlOf = (key: string): string => etcd.endpoint.replace('http:', 'etcd:') + key;

  /** A gateway that was started from a key holding ONE. */
  async function started(t: TestContext) {
    keys += 1;
    const key = `/watchgate/routes-${keys}`;
    await put(t, key, ONE);
    const origin = await KeyOrigin.open({ location: parseKeyUrl(urlOf(key)), waiting: () => undefined });
    t.after(() => origin.close());
    const loaded = await loadConfig(origin, {});
    assert.ok('settings' in loaded, JSON.stringify(loaded));
    const hub = new EventHub();
    const configs = new Sequence<ConfigEvent>('change of configuration');
    hub.on('config', (event) => configs.push(event));
    const places = new Sequence<SourceEvent>('event about the place');
    hub.on('source', (event) => void (event.source === 'configuration' && places.push(event)));
    const gateway = await startGateway({
      settings: loaded.settings,
      origin,
      sources: [createStaticSource({ name: 'main', clock: systemClock })],
      hub,
      logStream: SILENCE,
    });
    t.after(() => gateway.close());
    const prefixes = () => gateway.views.routes().map(({ prefix }) => prefix);
    return { key, gateway, configs, places, prefixes };
  }

  test('a valid change is in force at once, an invalid one is refused and shown at its place', async (t) => {
    const { key, gateway, configs, prefixes } = await started(t);
    assert.deepEqual(prefixes(), ['/one']);
    await put(t, key, TWO);
    assert.deepEqual([(await configs.nth(0)).ok, prefixes()], [true, ['/two']]);

    await put(t, key, WRONG);
    const { ok, detail } = await configs.nth(1);
    assert.deepEqual([ok, prefixes()], [false, ['/two']]);
    assert.ok(detail[0]?.startsWith(`${urlOf(key)}:4:5: routes[0].service: `), detail[0]);
    const metrics = async () => (await fetch(`${gateway.adminAddress}/metrics`)).text();
    assert.match(await metrics(), /^watchgate_config_last_reload_successful 0$/m);
    const { file, errors, lastReloadSuccessful } = gateway.views.config();
    assert.deepEqual([file, errors, lastReloadSuccessful], [urlOf(key), detail, false]);

    await put(t, key, ONE);
    assert.deepEqual([(await configs.nth(2)).ok, prefixes()], [true, ['/one']]);
    assert.match(await metrics(), /^watchgate_config_last_reload_successful 1$/m);
  });

  test('a key that is deleted leaves the last good configuration in force', async (t) => {
    const { key, configs, prefixes } = await started(t);
    await member(t).deleteRange(key);
    const { ok, detail } = await configs.nth(0);
    assert.deepEqual([ok, detail], [false, [`cannot read ${urlOf(key)}: there is no such key`]]);
    assert.deepEqual(prefixes(), ['/one']);
    await put(t, key, TWO);
    assert.deepEqual([(await configs.nth(1)).ok, prefixes()], [true, ['/two']]);
  });

  test('through an outage the last good one stays, and what changed meanwhile is taken afterwards', async (t) => {
    const { key, gateway, configs, places, prefixes } = await started(t);
    assert.equal((await places.nth(0)).kind, 'connected');
    etcd.kill();
    assert.equal((await places.nth(1)).kind, 'disconnected');
    assert.match((await gateway.reload()).join(), /^cannot read etcd:\/\//);
    assert.deepEqual([prefixes(), (await configs.nth(0)).ok], [['/one'], false]);
    await etcd.restart();
    const api = member(t);
    for (let more = 0; more < 3; more += 1) await api.put('/elsewhere', String(more));
    const { revision } = await api.put(key, TWO);
    await api.compact(revision);
    const taken = (): boolean => configs.items.some(({ ok }) => ok) && prefixes().join() === '/two';
    for (let next = 1; !taken(); next += 1) await configs.nth(next);
    assert.deepEqual(gateway.views.config().errors, []);
  });

  test('a reload that fails in an outage is made up for when etcd is back, though nothing has changed', async (t) => {
    const { gateway, configs, places } = await started(t);
    await places.nth(0);
    etcd.kill();
    await places.nth(1);
    assert.equal((await gateway.reload()).length, 1);
    await etcd.restart();
    const { ok, generation } = await configs.nth(1);
    assert.deepEqual([ok, generation, gateway.views.config().errors], [true, 1, []]);
  });

  test('a start before etcd waits for it, and says so', async (t) => {
    keys += 1;
    const key = `/watchgate/routes-${keys}`;
    await put(t, key, ONE);
    etcd.kill();
    const said = new Sequence<string>('line');
    const opening = KeyOrigin.open({
      location: parseKeyUrl(urlOf(key)),
      waiting: (line) => said.push(line),
    });
    const line = await said.nth(0);
    assert.match(line, new RegExp(`^cannot read ${urlOf(key)}: .*; trying again$`));
    await etcd.restart();
    const origin = await opening;
    t.after(() => origin.close());
    assert.equal(await origin.read(), ONE);
  });

  test('watchgate start runs from a key, follows it, and ends as it does from a file', async (t) => {
    const quick = (text: string): string =>
      `${text}drainDelay: 0s\n${registryYaml(Number(new URL(etcd.endpoint).port))}`;
    await put(t, '/watchgate/started', quick(ONE));
    const gateway = new WatchgateProcess(t, ['start', '-c', urlOf('/watchgate/started')]);
    await gateway.line(/listening on /);
    await put(t, '/watchgate/started', quick(TWO));
    assert.match((await gateway.line(/.*configuration taken.*/))[0], /"generation":2/);
    gateway.signal('SIGTERM');
    assert.equal((await gateway.exit).code, 0);
  });

  test('watchgate check reads a key, and says what is wrong in it', async (t) => {
    await put(t, '/watchgate/good', ONE);
    await put(t, '/watchgate/wrong', WRONG);
    const check = (key: string) => runCommand('check', '-c', urlOf(key));
    const [good, wrong] = await Promise.all([check('/watchgate/good'), check('/watchgate/wrong')]);
    assert.deepEqual(
      [good.code, good.out],
      [0, `${urlOf('/watchgate/good')} is valid: 1 route, 1 registry\n`],
    );
    assert.equal(wrong.code, 1);
    assert.ok(wrong.err.startsWith(`${urlOf('/watchgate/wrong')}:4:5: `), wrong.err);
  });
});

test('the address of a key is checked part by part, and never repeats a password', async () => {
  const wrong = (url: string, message: RegExp): void => {
    assert.throws(
      () => parseKeyUrl(url),
      (error: Error) => message.test(error.message) && !error.message.includes('secret'),
    );
  };
  wrong('etcd://10.0.0.2:2379', /wanted a key/);
  wrong('etcd://10.0.0.2:2379/', /wanted a key/);
  wrong('etcd://root:secret@10.0.0.2/key', /10\.0\.0\.2/);
  wrong('consul://10.0.0.2:8500', /etcd only/);
  const { name, etcd } = parseKeyUrl('etcds://root:secret@a:2379,b:2379/watchgate/routes');
  assert.equal(name, 'etcds://a:2379,b:2379/watchgate/routes');
  assert.deepEqual(etcd.endpoints, ['https://a:2379', 'https://b:2379']);
  const variables = { ETCD_USERNAME: 'gateway', ETCD_PASSWORD: 'secret' };
  const plain = await withCredentials(parseKeyUrl('etcd://a:2379/key'), variables);
  assert.deepEqual([plain.etcd.username, plain.etcd.password], ['gateway', 'secret']);
  const named = await withCredentials(parseKeyUrl('etcd://root:own@a:2379/key'), variables);
  assert.deepEqual([named.etcd.username, named.etcd.password], ['root', 'own']);
  const noFile = withCredentials(parseKeyUrl('etcds://a:2379/key'), { ETCD_CA: '/nowhere/ca.pem' });
  await assert.rejects(noFile, {
    code: 'FILE_UNREADABLE',
    message: /^registry: ETCD_CA: .*\/nowhere\/ca\.pem/,
  });
});
