import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressPolicy, mayList } from '../../src/discovery/address-policy.js';

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
