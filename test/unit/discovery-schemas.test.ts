import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRegistration } from '../../src/core/registration.js';
import { createAddressPolicy, mayList } from '../../src/discovery/address-policy.js';
import { plainSchema } from '../../src/discovery/schemas/plain.js';
import type { Registration } from '../../src/discovery/schemas/schema.js';

function read(value: string, key = '/p/goods/host'): Registration | string {
  const recognition = plainSchema.recognise(key, value, '/p');
  if (recognition.kind === 'rubbish') return recognition.reason;
  assert.equal(recognition.kind, 'registrations');
  const [registration] = recognition.kind === 'registrations' ? recognition.registrations : [];
  return registration ?? 'nothing';
}

test('a bare address is an endpoint of weight 1', () => {
  const registration = read('10.0.0.1:80');
  assert.ok(typeof registration !== 'string');
  const { address, ...rest } = registration;
  assert.equal(address.text, '10.0.0.1:80');
  assert.deepEqual(rest, { service: 'goods', weight: 1, zone: undefined, metadata: {}, draining: false });
});

test('what the registrar encodes is read back whole', () => {
  const value = { address: '[::1]:80', weight: 2.5, zone: 'a', metadata: { version: '2' }, draining: true };
  const registration = read(encodeRegistration(value));
  assert.ok(typeof registration !== 'string');
  const { address, service, ...rest } = registration;
  assert.deepEqual({ address: address.text, ...rest }, value);
  assert.equal(service, 'goods');
});

test('the service is the first segment below the prefix', () => {
  for (const [key, service] of [
    ['/p/goods/host', 'goods'],
    ['/p/goods/a/b/c', 'goods'],
    ['/p/goods/10.0.0.1:80', 'goods'],
  ] as const) {
    const registration = read('10.0.0.1:80', key);
    assert.equal(typeof registration === 'string' ? registration : registration.service, service);
  }
});

for (const [value, reason] of [
  ['', '"" has no :port'],
  ['10.0.0.1', '"10.0.0.1" has no :port'],
  ['10.0.0.1:0', '"10.0.0.1:0" has no port from 1 to 65535 after the last colon'],
  ['10.0.0.256:80', '"10.0.0.256:80" has no valid IP address or host name before the port'],
  ['http://10.0.0.1:80', '"http://10.0.0.1:80" has no valid IP address or host name before the port'],
  ['{"address":', 'the value is not valid JSON'],
  ['{}', 'the value has no "address"'],
  ['{"address":80}', 'the value has no "address"'],
  ['{"address":"x"}', '"x" has no :port'],
  ['{"address":"a:1","weight":0}', '"weight" is not a number above 0'],
  ['{"address":"a:1","weight":"2"}', '"weight" is not a number above 0'],
  ['{"address":"a:1","zone":1}', '"zone" is not a string'],
  ['{"address":"a:1","metadata":{"a":1}}', '"metadata" is not an object of strings'],
  ['{"address":"a:1","metadata":[]}', '"metadata" is not an object of strings'],
  ['{"address":"a:1","draining":"yes"}', '"draining" is not true or false'],
] as const) {
  test(`${JSON.stringify(value)} is rubbish: ${reason}`, () => assert.equal(read(value), reason));
}

for (const key of ['/p/goods', '/p/goods/', '/p//host', '/p/a b/host', '/p/../host']) {
  test(`the key ${key} names no service and host`, () =>
    assert.equal(typeof read('10.0.0.1:80', key), 'string'));
}

test('a long value is shown cut, so that one writer cannot fill the log', () => {
  const reason = read('x'.repeat(100_000));
  assert.ok(typeof reason === 'string' && reason.length < 200);
});

test('by default link-local, metadata, multicast and unspecified addresses are refused', () => {
  const policy = createAddressPolicy();
  for (const ip of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    'fe80::1',
    'fd00:ec2::254',
    '100.100.100.200',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
  ]) {
    assert.equal(policy.allows(ip), false, ip);
  }
  for (const ip of ['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', 'fd00::1', '93.184.216.34']) {
    assert.equal(policy.allows(ip), true, ip);
  }
});

test('a list of CIDRs allows what it lists and nothing else', () => {
  const policy = createAddressPolicy(['10.0.0.0/8', 'fd00::/8', '192.168.1.7']);
  for (const ip of ['10.255.0.1', 'fd12::1', '192.168.1.7']) assert.equal(policy.allows(ip), true, ip);
  for (const ip of ['11.0.0.1', '192.168.1.8', '::1', 'no address'])
    assert.equal(policy.allows(ip), false, ip);
});

test('a host name is listed; what it resolves to is judged when connecting', () => {
  const policy = createAddressPolicy(['10.0.0.0/8']);
  assert.equal(mayList(policy, 'goods.internal'), true);
  assert.equal(mayList(policy, '11.0.0.1'), false);
});

for (const cidr of ['10.0.0.0/33', '::/129', 'ten', '10.0.0.0/', '10.0.0.0/8/8', '']) {
  test(`"${cidr}" is no CIDR`, () => {
    assert.throws(() => createAddressPolicy([cidr]), { code: 'CONFIG_INVALID' });
  });
}
