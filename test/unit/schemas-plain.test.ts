import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRegistration } from '../../src/core/registration.js';
import { type Found, reason, recognise, registered } from '../support/recognised.js';

function at(value: string, key = '/p/goods/host'): Found {
  return { key, value, prefix: '/p' };
}

test('a bare address is an endpoint of weight 1', () => {
  const { registrations, schema } = recognise('plain', at('10.0.0.1:80'));
  assert.equal(schema, 'plain');
  assert.deepEqual(registrations, [
    {
      service: 'goods',
      address: { text: '10.0.0.1:80', host: '10.0.0.1', port: 80 },
      weight: 1,
      zone: undefined,
      metadata: {},
      draining: false,
    },
  ]);
});

test('white space around an address, such as the newline that a shell adds, does not matter', () => {
  assert.deepEqual(registered('plain', at('10.0.0.1:80\n')), [{ service: 'goods', address: '10.0.0.1:80' }]);
});

test('what the registrar encodes is read back whole, by plain, watchgate and auto', () => {
  const value = { address: '[::1]:80', weight: 2.5, zone: 'a', metadata: { version: '2' }, draining: true };
  const found = at(encodeRegistration(value));
  assert.deepEqual(registered('watchgate', found), [{ service: 'goods', ...value }]);
  assert.deepEqual(recognise('plain', found).registrations, recognise('watchgate', found).registrations);
  assert.equal(recognise('auto', found).schema, 'watchgate');
});

test('the service is the first segment below the prefix', () => {
  for (const key of ['/p/goods/host', '/p/goods/a/b/c', '/p/goods/10.0.0.1:80', '/p/goods/12345']) {
    assert.deepEqual(registered('plain', at('10.0.0.1:80', key)), [
      { service: 'goods', address: '10.0.0.1:80' },
    ]);
  }
});

test('a prefix without a leading slash is one like any other', () => {
  const found = { key: 'p/goods/host', value: '10.0.0.1:80', prefix: 'p' };
  assert.deepEqual(registered('plain', found), [{ service: 'goods', address: '10.0.0.1:80' }]);
});

test('read as part of the whole registry, the usual prefix is no service', () => {
  const usual = { key: '/service_registry_discovery/goods/a', value: '10.0.0.1:80', prefix: '' };
  assert.equal(registered('plain', usual)[0]?.service, 'goods');
  assert.equal(registered('plain', { ...usual, key: '/goods/a' })[0]?.service, 'goods');
  assert.equal(registered('plain', { ...usual, key: 'goods/a' })[0]?.service, 'goods');
});

for (const [value, expected] of [
  ['', 'the value has no :port'],
  ['10.0.0.1', '"10.0.0.1" has no :port'],
  ['10.0.0.1:0', '"10.0.0.1:0" has no port from 1 to 65535 after the last colon'],
  ['10.0.0.256:80', '"10.0.0.256:80" has no valid IP address or host name before the port'],
  ['http://10.0.0.1:80', 'the value has no valid IP address or host name before the port'],
  ['{"address":', 'the value is not valid JSON'],
  ['{}', 'the value has no "address"'],
  ['{"address":80}', 'the value has no "address"'],
  ['{"address":"x"}', '"address" has no :port'],
  ['{"address":"a:1","weight":0}', '"weight" is not a number above 0'],
  ['{"address":"a:1","weight":"2"}', '"weight" is not a number above 0'],
  ['{"address":"a:1","zone":1}', '"zone" is not a string'],
  ['{"address":"a:1","metadata":{"a":1}}', '"metadata" is not an object of strings'],
  ['{"address":"a:1","metadata":[]}', '"metadata" is not an object of strings'],
  ['{"address":"a:1","draining":"yes"}', '"draining" is not true or false'],
] as const) {
  test(`${JSON.stringify(value)} is rubbish: ${expected}`, () => {
    assert.equal(reason('plain', at(value)), expected);
    assert.equal(reason('watchgate', at(value)), expected);
  });
}

for (const key of ['/p/goods', '/p/goods/', '/p//host', '/p/a b/host', '/p/../host']) {
  test(`the key ${key} names no service and host`, () => {
    assert.match(reason('plain', at('10.0.0.1:80', key)), /^the key names no (host|valid service)/);
  });
}

test('a weight is kept within what pickers can calculate with', () => {
  assert.equal(registered('watchgate', at('{"address":"a:1","weight":1e300}'))[0]?.weight, 1_000_000);
  assert.equal(registered('watchgate', at('{"address":"a:1","weight":1e-300}'))[0]?.weight, 0.001);
});
