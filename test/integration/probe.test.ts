import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../src/config/load.js';
import type { EtcdSettings } from '../../src/config/settings.js';
import { type EtcdServer, etcdctl, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { followSource, openMembers } from '../support/followed-source.js';
import { FRAMEWORKS, writeFrameworks } from '../support/framework-registrations.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const version = etcdVersions.at(-1) ?? '3.5';

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `watchgate probe` as a user would. */
async function probe(...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, 'probe', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, WATCHGATE_REGISTRY: '' },
  });
  const exited = once(child, 'exit');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await exited;
  return { code: typeof code === 'number' ? code : null, out, err };
}

/** The registry of the block that was printed, as a gateway reads it. */
function pasted(out: string, environment: Record<string, string> = {}): EtcdSettings & { tls: undefined } {
  const block = out.slice(out.search(/^registr(y|ies):$/m));
  const result = parseConfig(block, 'pasted', environment);
  assert.ok('settings' in result, `${JSON.stringify(result)}\n${block}`);
  const settings = result.settings.registries.get('main');
  assert.ok(settings?.type === 'etcd');
  return { ...settings, tls: undefined };
}

describe('watchgate probe', { concurrency: 2, skip: etcdVersions.length === 0, timeout: 120_000 }, () => {
  let etcd: EtcdServer;
  let url: string;

  before(async () => {
    etcd = await startEtcd(version);
    url = etcd.endpoint.replace('http:', 'etcd:');
  });
  after(() => etcd.stop());

  const put = async (t: TestContext, entries: Record<string, string>): Promise<void> => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    for (const [key, value] of Object.entries(entries)) await member.put(key, value);
  };

  test('names the schema, services, endpoints and granted lease of a prefix, and its settings work', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    const value = (id: number) => ({ name: 'hello', endpoints: [`http://10.0.0.${id}:80`], metadata: {} });
    const lease = await member.leaseGrant(95);
    for (const id of [1, 2]) await member.put(`/kratos/hello/${id}`, JSON.stringify(value(id)), lease.id);
    await member.put('/kratos/hello/3', 'password=hunter2');
    const { code, out, err } = await probe(`${url}/kratos`);
    assert.deepEqual([code, err], [0, '']);
    const [, revision] = /revision (\d+)/.exec(out) ?? [];
    assert.deepEqual(out.split('\n'), [
      `3 keys, 1 service, 2 endpoints at and below /kratos (${etcd.endpoint}, revision ${revision})`,
      '',
      'PREFIX   SCHEMA  KEYS  SERVICES  ENDPOINTS  LEASE',
      '/kratos  kratos  2     1         2          95 s',
      '',
      'SERVICE  SCHEMA  ENDPOINTS  DRAINING',
      'hello    kratos  2          0',
      '',
      '1 key with something that cannot be used:',
      '  /kratos/hello/3: the value is not a JSON object',
      '',
      'registry:',
      '  type: etcd',
      '  endpoints:',
      `    - ${etcd.endpoint}`,
      '  prefix: /kratos',
      '  schema: kratos',
      '',
    ]);
    const settings = pasted(out);
    await followSource(t, settings).addresses('hello', ['10.0.0.1:80', '10.0.0.2:80']);
  });

  test('finds keys without a leading slash, and says so in the settings', async (t) => {
    const value = JSON.stringify({ network: 'tcp', address: '10.0.0.1:8888', weight: 10, tags: null });
    await put(t, { 'kitex/registry-etcd/echo/10.0.0.1:8888': value });
    const { out } = await probe(`${url}/kitex/registry-etcd`);
    const settings = pasted(out);
    assert.deepEqual([settings.prefix, settings.schema], ['kitex/registry-etcd', 'kitex']);
    await followSource(t, settings).addresses('echo', ['10.0.0.1:8888']);
  });

  test('sees that the prefix is itself a single key', async (t) => {
    await put(t, { '/service/b': '10.0.0.1:80' });
    const { out } = await probe(`${url}/service/b`);
    const settings = pasted(out);
    assert.deepEqual([settings.prefix, settings.schema], ['/service/b', 'single-key']);
    await followSource(t, settings).addresses('b', ['10.0.0.1:80']);
  });

  test('with --json it says all of it to machines, and no value of any key', async (t) => {
    await put(t, { '/json/goods/a': '10.0.0.1:80', '/json/goods/b': 'hunter2' });
    const { code, out } = await probe(`${url}/json`, '--json');
    const { revision, ...report } = JSON.parse(out);
    assert.equal(code, 0);
    assert.match(revision, /^\d+$/);
    assert.deepEqual(report, {
      member: etcd.endpoint,
      prefix: '/json',
      truncated: false,
      groups: [
        {
          prefix: '/json',
          schema: 'plain',
          keys: 1,
          services: 1,
          endpoints: 1,
          keysWithoutLease: 1,
          leaseSeconds: [],
        },
      ],
      services: [{ name: 'goods', schemas: ['plain'], endpoints: 1, draining: 0 }],
      rubbish: [{ key: '/json/goods/b', reason: 'the value has no :port' }],
      keys: [
        { key: '/json/goods/a', schema: 'plain', services: ['goods'], endpoints: ['10.0.0.1:80'] },
        { key: '/json/goods/b', schema: 'plain', services: [], endpoints: [] },
      ],
      settings: {
        registry: { type: 'etcd', endpoints: [etcd.endpoint], prefix: '/json', schema: 'plain' },
      },
    });
  });

  test('more than a page of keys is read whole', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    const writes = Array.from({ length: 1_200 }, (_, index) => `/many/s${index % 7}/h${index}`);
    const addressOf = (index: number) => `10.9.${Math.floor(index / 250)}.${(index % 250) + 1}:80`;
    for (let from = 0; from < writes.length; from += 100) {
      const some = writes.slice(from, from + 100);
      await Promise.all(some.map((key, index) => member.put(key, addressOf(from + index))));
    }
    const { out } = await probe(`${url}/many`);
    assert.match(out, /^1200 keys, 7 services, 1200 endpoints at and below \/many/);
  });

  test('an empty prefix is told so, with settings that read what will be registered there', async (t) => {
    const { code, out } = await probe(`${url}/nothing-here`);
    assert.equal(code, 0);
    assert.match(out, /^0 keys, 0 services, 0 endpoints at and below \/nothing-here .*\n\nNothing here is/);
    const settings = pasted(out);
    assert.deepEqual([settings.prefix, settings.schema], ['/nothing-here', 'auto']);
    const { addresses } = followSource(t, settings);
    await put(t, { '/nothing-here/goods/a': '10.0.0.1:80' });
    await addresses('goods', ['10.0.0.1:80']);
    const { out: json } = await probe(`${url}/nothing-there`, '--json');
    assert.equal(JSON.parse(json).settings, null, 'nothing was found that says how it must be read');
  });

  test('a registry that cannot be reached is one line and exit 1', async () => {
    const { code, out, err } = await probe('etcd://127.0.0.1:1/x');
    assert.deepEqual([code, out], [1, '']);
    assert.match(
      err,
      /^watchgate: registry: cannot read http:\/\/127\.0\.0\.1:\d+: [^\n]*ECONNREFUSED[^\n]*\n$/,
    );
  });

  test('what is no registry of etcd is one line that does not repeat a password', async () => {
    for (const argument of ['consul://127.0.0.1:8500', 'http://root:hunter2@127.0.0.1:2379']) {
      const { code, out, err } = await probe(argument);
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, /^watchgate: registry: [^\n]+\n$/);
      assert.doesNotMatch(err, /hunter2/);
    }
  });
});

describe('watchgate probe of a whole registry', { skip: etcdVersions.length === 0, timeout: 60_000 }, () => {
  let etcd: EtcdServer;

  before(async () => {
    etcd = await startEtcd(version);
  });
  after(() => etcd.stop());

  test('tells every framework, and the settings read them all', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    await writeFrameworks(member);
    const { out } = await probe(etcd.endpoint.replace('http:', 'etcd:'), '--keys');
    for (const { schema, key, ttl } of FRAMEWORKS) {
      const line = out.split('\n').find((each) => each.startsWith(`${key} `)) ?? '';
      assert.match(line, new RegExp(` ${schema}\\b`), key);
      const group = out.split('\n').find((each) => each.split(/ {2,}/)[1] === schema) ?? '';
      assert.match(group, ttl === undefined ? /./ : new RegExp(` ${ttl + 60} s$`), schema);
    }
    assert.match(out, /^\/service_registry_discovery +plain +2 +1 +2 +63 s$/m);
    assert.match(out, /^\(root\) +single-key +1 +1 +1 +none$/m);
    assert.match(out, /^# Reads the whole registry\./m);
    const settings = pasted(out);
    const { source, until } = followSource(t, settings);
    await until('ready', (view) => view.ready && source.snapshot() !== undefined);
    assert.equal(source.snapshot()?.services.size, 10);
    assert.deepEqual(source.view().invalidValues, []);
  });

  test('with a password: it is in no output, and settings take it from the environment', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    await member.put('/guarded/goods/a', '10.0.0.1:80', (await member.leaseGrant(60)).id);
    const ctl = async (...args: string[]) => {
      const { code, stderr } = await etcdctl(version, etcd.endpoint, args);
      assert.equal(code, 0, stderr);
    };
    await ctl('user', 'add', 'root:secret-of-root');
    await ctl('user', 'grant-role', 'root', 'root');
    await ctl('role', 'add', 'reader');
    await ctl('role', 'grant-permission', 'reader', 'read', '/guarded/', '/guarded0');
    await ctl('user', 'add', 'gateway:hunter2');
    await ctl('user', 'grant-role', 'gateway', 'reader');
    await ctl('auth', 'enable');
    const host = etcd.endpoint.slice('http://'.length);

    const { code, out, err } = await probe(`etcd://gateway:hunter2@${host}/guarded`);
    assert.deepEqual([code, err], [0, '']);
    assert.doesNotMatch(out, /hunter2/);
    assert.match(out, /^ {2}username: gateway\n {2}password: \$\{ETCD_PASSWORD\}$/m);
    const settings = pasted(out, { ETCD_PASSWORD: 'hunter2' });
    await followSource(t, settings).addresses('goods', ['10.0.0.1:80']);

    for (const [argument, reason] of [
      [
        `etcd://gateway:wrong@${host}/guarded`,
        /^watchgate: registry: may not read \/guarded as gateway: [^\n]+\n$/,
      ],
      [
        `etcd://gateway:hunter2@${host}/other`,
        /^watchgate: registry: may not read \/other as gateway: [^\n]+\n$/,
      ],
      [
        `etcd://gateway:hunter2@${host}`,
        /^watchgate: registry: may not read the whole registry as gateway: [^\n]+\n$/,
      ],
      [
        `etcd://${host}/guarded`,
        /^watchgate: registry: may not read \/guarded without a user name: [^\n]+\n$/,
      ],
    ] as const) {
      const refused = await probe(argument);
      assert.deepEqual([refused.code, refused.out], [1, '']);
      assert.match(refused.err, reason);
      assert.doesNotMatch(refused.err, /hunter2|wrong/);
    }
  });
});
