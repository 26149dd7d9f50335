import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConsulNaming, type EtcdNaming, planConsul, planEtcd } from '../../src/grpc/options.js';
import { registerResolvers } from '../../src/grpc/resolvers.js';
import { consulFollowing, etcdFollowing } from '../../src/grpc/sources.js';
import { parseTarget } from '../../src/grpc/target.js';

const etcd = (option: string | EtcdNaming, path: string, authority = ''): [string, string | undefined] => {
  const { id, service } = etcdFollowing(planEtcd(option), parseTarget('etcd', { path, authority }));
  return [id, service];
};
const consul = (
  option: string | ConsulNaming,
  path: string,
  authority = '',
): [string, string | undefined] => {
  const { id, service } = consulFollowing(planConsul(option), parseTarget('consul', { path, authority }));
  return [id, service];
};

const HERE = 'etcd://10.0.0.2:2379';
const endpoints = ['http://10.0.0.2:2379'];

test('without a prefix a name is followed by itself, and all that is below it is its own', () => {
  assert.deepEqual(etcd(HERE, 'foo'), ['etcd http://10.0.0.2:2379 /foo/', undefined]);
  assert.deepEqual(etcd(HERE, 'team/foo'), ['etcd http://10.0.0.2:2379 /team/foo/', undefined]);
  assert.deepEqual(etcd({ endpoints, prefix: '' }, 'foo'), ['etcd http://10.0.0.2:2379 foo/', undefined]);
});

test('with a prefix names share what is followed, and each is a service of it', () => {
  const shared = 'etcd http://10.0.0.2:2379 /services/';
  assert.deepEqual(etcd(`${HERE}/services/`, 'foo'), [shared, 'foo']);
  assert.deepEqual(etcd(`${HERE}/services`, 'bar'), [shared, 'bar']);
  assert.deepEqual(etcd(`${HERE}/services`, 'team/foo'), [
    'etcd http://10.0.0.2:2379 /services/team/',
    'foo',
  ]);
});

test('hosts of a target take the place of the endpoints, over TLS where those have it', () => {
  const [host] = ['10.0.0.9:2379,10.0.0.8:2379'];
  assert.match(etcd(HERE, 'foo', host)[0], /^etcd http:\/\/10\.0\.0\.9:2379,http:\/\/10\.0\.0\.8:2379 /);
  assert.match(etcd('etcds://10.0.0.2:2379', 'foo', host)[0], /^etcd https:\/\/10\.0\.0\.9:2379,https:/);
  assert.match(etcd({ endpoints, tls: {} }, 'foo', host)[0], /^etcd https:\/\/10\.0\.0\.9:2379,https:/);
  assert.deepEqual(consul('consuls://10.0.0.2:8500', 'foo?tag=v2', '10.0.0.9:8500'), [
    'consul https://10.0.0.9:8500 foo?tag=v2',
    'foo?tag=v2',
  ]);
});

test('options that are wrong are refused by name', () => {
  assert.throws(() => registerResolvers({ etcd: 'consul://127.0.0.1:8500' }), {
    message: /^etcd: wanted etcd/,
  });
  assert.throws(() => registerResolvers({ consul: HERE }), { message: /^consul: wanted consul/ });
  assert.throws(() => registerResolvers({ etcd: { endpoints: [] } }), {
    message: /^etcd: wanted at least one/,
  });
  assert.throws(() => registerResolvers({ etcd: 'http://127.0.0.1:2379' }), { code: 'REGISTRY_URL' });
});
