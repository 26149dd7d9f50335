import assert from 'node:assert/strict';
import { test } from 'node:test';
import { survey } from '../../src/discovery/survey.js';

function plansFor(prefix: string, entries: Record<string, string>) {
  const found = Object.entries(entries).map(([key, value]) => ({
    entry: { key, value, revision: 1n, lease: '' },
    prefix,
  }));
  return survey(found);
}

const kratos = JSON.stringify({ name: 'hello', endpoints: ['http://10.0.0.9:80'] });

test('keys of one home need one registry, with the schema by name', () => {
  const { plans } = plansFor('', { '/services/goods/a': '10.0.0.1:80', '/services/users/a': '10.0.0.2:80' });
  assert.deepEqual(plans, [{ prefix: '/services', schema: 'plain' }]);
});

test('a prefix that was named is taken at its word, however deep the keys are', () => {
  const { plans, services } = plansFor('/p', {
    '/p/goods/a': '10.0.0.1:80',
    '/p/goods/b/c/d': '10.0.0.2:80',
  });
  assert.deepEqual(plans, [{ prefix: '/p', schema: 'plain' }]);
  assert.deepEqual(services, [{ name: 'goods', schemas: ['plain'], endpoints: 2, draining: 0 }]);
});

test('several homes that read alike from above need one registry at the deepest prefix that they share', () => {
  const { plans } = plansFor('', {
    '/prod/microservices/hello/1': kratos,
    '/prod/rpcx/Arith/tcp@10.0.0.1:8972': '',
  });
  assert.deepEqual(plans, [{ prefix: '/prod', schema: 'auto' }]);
});

test('a shared prefix is one of whole segments', () => {
  const { plans } = plansFor('', { '/prod-a/hello/1': kratos, '/prod-b/hello/1': kratos });
  assert.deepEqual(plans, [{ prefix: '', schema: 'auto' }]);
});

test('homes that would be read differently from above need a registry each', () => {
  const { plans, services } = plansFor('', {
    '/services/goods/a': '10.0.0.1:80',
    '/microservices/hello/1': kratos,
  });
  assert.deepEqual(plans, [
    { prefix: '/services', schema: 'plain' },
    { prefix: '/microservices', schema: 'kratos' },
  ]);
  assert.deepEqual(
    services.map(({ name }) => name),
    ['goods', 'hello'],
  );
});

test('a home is never above the prefix that was asked for', () => {
  const { plans, services } = plansFor('/microservices/hello', { '/microservices/hello/1': kratos });
  assert.deepEqual(plans, [{ prefix: '/microservices/hello', schema: 'kratos' }]);
  assert.equal(services[0]?.name, 'hello');
});

test('what no address policy allows is rubbish here too', () => {
  const { rubbish, groups, plans } = plansFor('/p', { '/p/goods/a': '169.254.169.254:80' });
  assert.deepEqual(rubbish, [
    { key: '/p/goods/a', reason: '169.254.169.254 is outside the allowed addresses' },
  ]);
  assert.deepEqual(groups, []);
  assert.deepEqual(plans, [{ prefix: '/p', schema: 'plain' }]);
});

test('without registrations there is nothing to set', () => {
  assert.deepEqual(plansFor('', { '/config/key': 'value', '/rpcx': 'rpcx_path' }).plans, []);
});
