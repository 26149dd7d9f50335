import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressPolicy, mayList } from '../../src/discovery/address-policy.js';

test('by default link-local, metadata, multicast, reserved and unspecified addresses are refused', () => {
  const policy = createAddressPolicy();
  for (const ip of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    'fe80::1',
    'fe80::a9fe:a9fe',
    'fe80::a9fe:a9fe%eth0',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd00:ec2:0:0::254',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
    '0.0.0.0',
    '0.1.2.3',
    '240.0.0.1',
    '::',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
  ]) {
    assert.equal(policy.allows(ip), false, ip);
  }
  for (const ip of [
    '127.0.0.1',
    '::1',
    '10.0.0.1',
    '192.168.1.1',
    'fd00::1',
    '93.184.216.34',
    '2001:db8::a9fe:a9fe',
  ]) {
    assert.equal(policy.allows(ip), true, ip);
  }
});

const SPELLINGS: Readonly<Record<string, (hex: string, dotted: string) => readonly string[]>> = {
  'IPv4-mapped': (hex, dotted) => [`::ffff:${hex}`, `::ffff:${dotted}`, `0:0:0:0:0:ffff:${hex}`],
  'IPv4-compatible': (hex, dotted) => [`::${hex}`, `::${dotted}`, `0:0:0:0:0:0:${dotted}`],
  'translated for SIIT': (hex, dotted) => [`::ffff:0:${hex}`, `::ffff:0:${dotted}`],
  'behind NAT64': (hex, dotted) => [`64:ff9b::${hex}`, `64:ff9b::${dotted}`, `0064:FF9B:0:0:0:0:${hex}`],
  'behind the NAT64 of a site': (hex) => [`64:ff9b:1::${hex}`, `64:ff9b:1:2:3:4:${hex}`],
  'of 6to4': (hex) => [`2002:${hex}::`, `2002:${hex}::1`, `2002:${hex}:1:2:3:4:5`],
};

for (const [what, spellings] of Object.entries(SPELLINGS)) {
  test(`an IPv6 address ${what} is judged by the IPv4 address in it`, () => {
    const policy = createAddressPolicy();
    for (const ip of [
      ...spellings('a9fe:a9fe', '169.254.169.254'),
      ...spellings('a83f:8110', '168.63.129.16'),
      ...spellings('e000:1', '224.0.0.1'),
    ])
      assert.equal(policy.allows(ip), false, ip);
    for (const ip of [...spellings('a00:1', '10.0.0.1'), ...spellings('5db8:d822', '93.184.216.34')])
      assert.equal(policy.allows(ip), true, ip);
  });
}

test('a list decides over addresses as they are spelt', () => {
  const policy = createAddressPolicy(['10.0.0.0/8', '64:ff9b::/96', '169.254.169.254', 'fd20:ce::254']);
  for (const ip of ['64:ff9b::5db8:d822', '169.254.169.254', 'fd20:ce::254', '::ffff:10.0.0.1'])
    assert.equal(policy.allows(ip), true, ip);
  for (const ip of ['2002:a00:1::', '::10.0.0.1', '64:ff9b:1::a00:1', '168.63.129.16'])
    assert.equal(policy.allows(ip), false, ip);
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
