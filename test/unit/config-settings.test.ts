// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the texts under test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { parseConfig } from '../../src/config/load.js';
import { type Settings, sameSettings } from '../../src/config/settings.js';

function settingsOf(text: string, environment: Record<string, string> = {}): Settings {
  const result = parseConfig(text, 'routes.yaml', environment);
  assert.ok('settings' in result, JSON.stringify(result));
  return result.settings;
}

const goods = { service: 'goods', registry: 'main' };

test('an empty file is valid: every default, and the embedded registry', () => {
  const settings = settingsOf('');
  assert.deepEqual(
    [...settings.registries],
    [
      [
        'main',
        {
          type: 'embedded',
          listen: { host: '127.0.0.1', port: 2379 },
          prefix: '/service_registry_discovery',
          schema: 'auto',
        },
      ],
    ],
  );
  assert.deepEqual(settings.listen, { host: '0.0.0.0', port: 8080 });
  assert.deepEqual(settings.admin, { host: '127.0.0.1', port: 9901 });
  assert.equal(settings.adminToken, undefined);
  assert.equal(settings.allowedAddresses, undefined);
  assert.deepEqual([settings.routes, settings.trustedProxies], [[], []]);
  assert.deepEqual([settings.drainDelay, settings.drainTimeout], [5000, 30_000]);
  assert.deepEqual([settings.accessLog, settings.logLevel, settings.autoRoutes], ['all', 'info', false]);
  assert.deepEqual(settings.server, {
    headersTimeout: 15_000,
    receiveTimeout: 300_000,
    keepAliveTimeout: 75_000,
    maxHeaderSize: 16_384,
    maxEventLoopLag: 1000,
    maxConnections: Number.POSITIVE_INFINITY,
    maxConcurrentStreams: 250,
  });
});

test('the built-in policy is what the documentation says', () => {
  const settings = settingsOf('');
  assert.deepEqual(settings.requestPolicy(goods), {
    maxBody: Number.POSITIVE_INFINITY,
    tryTimeout: 30_000,
    totalTimeout: 60_000,
    idleTimeout: 60_000,
    tunnelIdleTimeout: 3_600_000,
    maxAttempts: 3,
    retryOn: [],
    replayBuffer: 65_536,
    protocol: 'http',
    hostHeader: undefined,
  });
  assert.deepEqual(settings.servicePolicy(goods), {
    balance: 'least-loaded',
    client: 'built-in',
    connectTimeout: 2000,
    keepAlive: 60_000,
    maxConnections: 1024,
    maxWaiting: 1024,
    drainTimeout: 30_000,
    tunnelDrainTimeout: 300_000,
    hashOn: { from: 'client' },
    ejection: {
      enabled: true,
      consecutiveFailures: 5,
      successRateGap: 0.3,
      baseTime: 10_000,
      maxShare: 0.5,
    },
    healthCheck: {
      type: 'none',
      path: '/healthz',
      hostHeader: undefined,
      expect: { from: 200, to: 399 },
      interval: 5000,
      timeout: 1000,
      healthyAfter: 2,
      unhealthyAfter: 3,
    },
    slowStart: 0,
    maxInFlight: Number.POSITIVE_INFINITY,
    maxQueue: 1024,
    queueTimeout: 1000,
  });
});

test('the nearest level wins: route over service over defaults over built-in', () => {
  const settings = settingsOf(`
defaults: { tryTimeout: 1s, totalTimeout: 2s, idleTimeout: 3s, hostHeader: a.example, balance: random, keepAlive: 1s }
services:
  goods: { totalTimeout: 20s, idleTimeout: 30s, keepAlive: 2s }
routes:
  - { prefix: /goods, service: goods, idleTimeout: 300s, hostHeader: keep }
  - { prefix: /other, service: other }
`);
  const [route, other] = settings.routes;
  assert.deepEqual(
    [
      route?.policy.tryTimeout,
      route?.policy.totalTimeout,
      route?.policy.idleTimeout,
      route?.policy.maxAttempts,
    ],
    [1000, 20_000, 300_000, 3],
  );
  assert.equal(route?.policy.hostHeader, undefined);
  assert.equal(other?.policy.hostHeader, 'a.example');
  assert.equal(other?.policy.totalTimeout, 2000);
  assert.equal(settings.requestPolicy(goods).idleTimeout, 30_000);
  const { balance, keepAlive, connectTimeout } = settings.servicePolicy(goods);
  assert.deepEqual([balance, keepAlive, connectTimeout], ['random', 2000, 2000]);
});

test('a route becomes a rule with an id, a canonical host and what replaces its prefix', () => {
  const { routes } = settingsOf(`
routes:
  - { prefix: /goods, service: goods }
  - { prefix: /goods, service: goods, host: Shop.Example.COM., stripPrefix: true }
  - { prefix: /, service: goods, host: '*.example.com', rewritePrefix: /v2 }
  - { prefix: /x, service: goods, host: '[::0001]', stripPrefix: false }
`);
  assert.deepEqual(
    routes.map(({ id, host, replacePrefix }) => [id, host, replacePrefix]),
    [
      ['/goods', undefined, undefined],
      ['shop.example.com/goods', 'shop.example.com', '/'],
      ['*.example.com/', '*.example.com', '/v2'],
      ['[::1]/x', '[::1]', undefined],
    ],
  );
});

test('several registries: services and their policy name theirs after the @', () => {
  const settings = settingsOf(`
registries:
  main: { type: etcd, endpoints: [a:1, 'http://b:2/'], prefix: services/, schema: go-zero }
  dc2: { type: etcd, endpoints: ['https://[::1]:3'], username: u, password: p, tls: { ca: ca.pem } }
routes:
  - { prefix: /a, service: goods }
  - { prefix: /b, service: goods@dc2 }
services:
  goods@main: { connectTimeout: 1s }
  goods@dc2: { connectTimeout: 5s }
`);
  assert.deepEqual(
    settings.routes.map(({ service, registry }) => [service, registry]),
    [
      ['goods', 'main'],
      ['goods', 'dc2'],
    ],
  );
  assert.equal(settings.servicePolicy(goods).connectTimeout, 1000);
  assert.equal(settings.servicePolicy({ ...goods, registry: 'dc2' }).connectTimeout, 5000);
  assert.deepEqual(settings.registries.get('main'), {
    type: 'etcd',
    endpoints: ['http://a:1', 'http://b:2'],
    prefix: 'services',
    schema: 'go-zero',
    username: undefined,
    password: undefined,
    tls: undefined,
  });
  const dc2 = settings.registries.get('dc2');
  assert.ok(dc2?.type === 'etcd');
  assert.deepEqual([dc2.username, dc2.password], ['u', 'p']);
  assert.deepEqual(dc2.tls, { ca: 'ca.pem', cert: undefined, key: undefined });
});

test('an empty user name means none, and then the password does not count', () => {
  const text = 'registry: { type: etcd, endpoints: [a:1], username: "${U}", password: "${P}" }';
  for (const environment of [
    { U: '', P: '' },
    { U: '', P: 'left over' },
  ]) {
    const registry = settingsOf(text, environment).registries.get('main');
    assert.ok(registry?.type === 'etcd');
    assert.deepEqual([registry.username, registry.password], [undefined, undefined]);
  }
});

test('a key without a value counts as absent', () => {
  const settings = settingsOf(
    'routes:\nservices:\n  goods:\nregistry:\ndefaults:\nadminToken:\nserver: { headersTimeout: }\n',
  );
  assert.deepEqual(settings.routes, []);
  assert.equal(settings.registries.get('main')?.type, 'embedded');
  assert.equal(settings.server.headersTimeout, 15_000);
});

test('none lifts a limit, and zero needs no unit', () => {
  const settings = settingsOf(`
drainDelay: 0
server: { receiveTimeout: none, maxConnections: none }
defaults: { maxBody: none }
services: { goods: { maxBody: 0, maxWaiting: 0, drainTimeout: 0 } }
autoRoutes: true
`);
  assert.equal(settings.drainDelay, 0);
  assert.equal(settings.server.receiveTimeout, 0);
  assert.equal(settings.server.maxConnections, Number.POSITIVE_INFINITY);
  assert.equal(settings.requestPolicy(goods).maxBody, 0);
  assert.equal(settings.requestPolicy({ ...goods, service: 'x' }).maxBody, Number.POSITIVE_INFINITY);
  assert.equal(settings.servicePolicy(goods).maxWaiting, 0);
});

test('anchors, aliases and merge keys work, by the thousand', () => {
  const routes = Array.from({ length: 1000 }, (_, index) => `  - { <<: *common, prefix: /r${index} }`);
  const { routes: rules } = settingsOf(
    ['routes:', '  - &common { service: goods, prefix: /first, tryTimeout: 7s }', ...routes].join('\n'),
  );
  assert.equal(rules.length, 1001);
  assert.ok(rules.every(({ service, policy }) => service === 'goods' && policy.tryTimeout === 7000));
});

test('two files that mean the same are equal, however they are written', () => {
  const one = 'listen: 0.0.0.0:8080\nroutes: [{ prefix: /a, service: goods, tryTimeout: 1m }]\n';
  const other = '# comment\nroutes:\n  - tryTimeout: 60s\n    service: goods@main\n    prefix: ${P}\n';
  assert.ok(sameSettings(settingsOf(one), settingsOf(other, { P: '/a' })));
  assert.ok(!sameSettings(settingsOf(one), settingsOf(one.replace('1m', '2m'))));
  assert.ok(!sameSettings(settingsOf(one), settingsOf(`${one}adminToken: x\n`)));
});

test('routes have one hidden class and share a policy where they are treated alike, so that many cost no more', () => {
  setFlagsFromString('--allow-natives-syntax');
  const sameClass: (a: object, b: object) => boolean = runInThisContext('(a, b) => %HaveSameMap(a, b)');
  const options = ['', ', stripPrefix: true', ', tryTimeout: 1s', ', host: a.example'];
  const routes = options.map((option, index) => `{ prefix: /r${index}, service: goods${option} }`);
  const [plain, ...others] = settingsOf(`routes: [${routes.join(', ')}]`).routes;
  assert.ok(plain !== undefined && others.length === 3);
  assert.deepEqual(
    others.map((rule) => [sameClass(rule, plain), rule.policy === plain.policy]),
    [
      [true, true],
      [true, false],
      [true, true],
    ],
  );
});
