import assert from 'node:assert/strict';
import { hostname, type NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { WatchgateError } from '../../src/core/errors.js';
import { planRegistration, type RegisterOptions } from '../../src/registrar/options.js';
import { ownHost } from '../../src/registrar/own-address.js';

const GOODS: RegisterOptions = { registry: 'etcd://10.0.0.2:2379', service: 'goods', address: '10.0.0.5:80' };

test('the key is prefix, service and host name, the lease 3 s', () => {
  const { key, ttlSeconds, value } = planRegistration(GOODS);
  assert.equal(key, `/service_registry_discovery/goods/${hostname()}`);
  assert.deepEqual([ttlSeconds, value], [3, { address: '10.0.0.5:80' }]);
});

test('prefix and host key can be chosen, the prefix in the URL too', () => {
  const keyOf = (more: Partial<RegisterOptions>): string => planRegistration({ ...GOODS, ...more }).key;
  assert.equal(keyOf({ registry: 'etcd://10.0.0.2:2379/shop', hostKey: 'pod-1' }), '/shop/goods/pod-1');
  assert.equal(
    keyOf({ registry: { endpoints: ['http://a:1'], prefix: '/shop/' }, hostKey: 'p' }),
    '/shop/goods/p',
  );
  assert.equal(keyOf({ prefix: 'shop', hostKey: 'pod-1' }), 'shop/goods/pod-1');
});

test('in Consul each process has an id of its own, so that a leaving one cannot harm its successor', () => {
  const keyOf = (random: () => number): string =>
    planRegistration({ ...GOODS, registry: 'consul://10.0.0.2:8500', hostKey: 'pod-1', random }).key;
  assert.equal(
    keyOf(() => 0.5),
    'goods-pod-1-80000000',
  );
  assert.notEqual(
    keyOf(() => 0.25),
    keyOf(() => 0.5),
  );
});

test('a Consul URL names agents, a token and TLS', () => {
  const registryOf = (registry: string) => planRegistration({ ...GOODS, registry }).registry;
  assert.deepEqual(registryOf('consul://a:8500,b:8500'), {
    type: 'consul',
    endpoints: ['http://a:8500', 'http://b:8500'],
    token: undefined,
  });
  assert.deepEqual(registryOf('consuls://s3cret@a:8501'), {
    type: 'consul',
    endpoints: ['https://a:8501'],
    token: 's3cret',
  });
});

test('a port alone stands for this machine: loopback when the registry is there too', () => {
  const options = { ...GOODS, registry: 'etcd://127.0.0.1:2379', address: 8080 };
  assert.equal(planRegistration(options).address.text, '127.0.0.1:8080');
});

test('the own host is the first IPv4 address that others can reach', () => {
  const entry = (address: string, internal: boolean): NetworkInterfaceInfo => ({
    ...{ address, internal, family: 'IPv4', netmask: '255.255.255.0', mac: '', cidr: null },
  });
  const v6: NetworkInterfaceInfo = {
    ...{ address: 'fe80::1', internal: false, family: 'IPv6', netmask: '', mac: '', cidr: null, scopeid: 2 },
  };
  const interfaces = {
    lo: [entry('127.0.0.1', true)],
    eth0: [v6, entry('10.0.0.5', false), entry('10.0.0.6', false)],
  };
  assert.equal(ownHost(['http://10.0.0.2:2379'], interfaces), '10.0.0.5');
  assert.equal(ownHost(['http://127.0.0.1:2379', 'http://10.0.0.2:2379'], interfaces), '10.0.0.5');
  assert.equal(ownHost(['http://localhost:2379', 'http://[::1]:2379'], interfaces), '127.0.0.1');
  assert.equal(ownHost(['http://10.0.0.2:2379'], {}), '127.0.0.1');
});

for (const [option, wrong] of [
  ['service', { service: 'a/b' }],
  ['address', { address: '10.0.0.5' }],
  ['address', { address: 0 }],
  ['ttl', { ttl: 0.5 }],
  ['hostKey', { hostKey: 'a/b' }],
  ['weight', { weight: 0 }],
  ['registry', { registry: 'consul://10.0.0.2:8500/prefix' }],
  ['registry', { registry: 'consul://user:secret@10.0.0.2:8500' }],
  ['tags', { tags: ['v2'] }],
  ['tags', { registry: 'consul://10.0.0.2:8500', tags: ['v 2'] }],
  ['weight', { registry: 'consul://10.0.0.2:8500', weight: 0.5 }],
  ['prefix', { registry: 'consul://10.0.0.2:8500', prefix: '/shop' }],
  ['metadata', { registry: 'consul://10.0.0.2:8500', metadata: { 'a b': 'c' } }],
  ['metadata', { registry: 'consul://10.0.0.2:8500', metadata: { draining: 'true' } }],
] as const) {
  test(`${JSON.stringify(wrong)} is refused with an error that names ${option}`, () => {
    assert.throws(
      () => planRegistration({ ...GOODS, ...wrong }),
      (error) => error instanceof WatchgateError && error.message.startsWith(`${option}: `),
    );
  });
}

/** As a program in JavaScript could, which no compiler stops. */
const planned = (options: unknown) => () => Reflect.apply(planRegistration, undefined, [options]);

for (const [message, wrong] of [
  ['registry: missing; wanted an address such as', { registry: undefined }],
  ['registry: wanted', { registry: 2379 }],
  ['registry.endpoints: missing; wanted a list of at least one http://host:port', { registry: {} }],
  ['registry.endpoints: wanted', { registry: { endpoints: [] } }],
  ['registry.endpoints: wanted', { registry: { endpoints: ['10.0.0.2:2379'] } }],
  ['registry.endpoints: wanted', { registry: { endpoints: 'http://10.0.0.2:2379' } }],
  ['registry.endpoint: unknown option; did you mean "endpoints"?', { registry: { endpoint: [] } }],
  ['registry.type: wanted etcd or consul', { registry: { type: 'dns', endpoints: ['http://a:1'] } }],
  ['registry.token: unknown option', { registry: { endpoints: ['http://a:1'], token: 's3cret' } }],
  ['registry.password: wanted a text', { registry: { endpoints: ['http://a:1'], password: 1 } }],
  [
    'registry.tls.ca: wanted a Buffer that holds PEM',
    { registry: { endpoints: ['https://a:1'], tls: { ca: '/ca.pem' } } },
  ],
  ['service: missing; wanted 1 to 128 letters', { service: undefined }],
  ['service: wanted', { service: 5 }],
  ['address: missing; wanted ip:port', { address: undefined }],
  ['address: wanted', { address: ['10.0.0.5:80'] }],
  ['ttl: wanted', { ttl: '3' }],
  ['ttl: wanted', { ttl: null }],
  ['health: wanted a function or a path that starts with /', { health: 5 }],
  ['health: wanted', { health: 'healthz' }],
  ['metadata: wanted a map of texts', { metadata: 'x' }],
  ['metadata: wanted a map of texts', { metadata: { version: 2 } }],
  ['weight: wanted a number above 0', { weight: '2' }],
  ['zone: wanted a text', { zone: 1 }],
  ['hostKey: wanted', { hostKey: 7 }],
  ['tags: wanted a list', { tags: 'v2' }],
  ['prefix: wanted', { prefix: 1 }],
  ['random: wanted a function', { random: 0.5 }],
  ['helth: unknown option; did you mean "health"?', { helth: '/' }],
] as const) {
  test(`${JSON.stringify(wrong)} is refused: ${message}`, () => {
    assert.throws(planned({ ...GOODS, ...wrong }), (error) => {
      assert.ok(error instanceof WatchgateError, String(error));
      assert.ok(error.message.startsWith(message), error.message);
      return true;
    });
  });
}

test('an option that is undefined counts as absent', () => {
  assert.equal(planRegistration({ ...GOODS, ttl: undefined, health: undefined }).ttlSeconds, 3);
});

test('no options at all are refused like wrong ones', () => {
  assert.throws(planned(undefined), { name: 'WatchgateError', message: /^options: wanted/ });
});
