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
  ['registry', { registry: { endpoints: [] } }],
] as const) {
  test(`${JSON.stringify(wrong)} is refused with an error that names ${option}`, () => {
    assert.throws(
      () => planRegistration({ ...GOODS, ...wrong }),
      (error) => error instanceof WatchgateError && error.message.startsWith(`${option}: `),
    );
  });
}
