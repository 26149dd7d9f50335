import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import { describe, test } from 'node:test';
import { type AddressBlocks, addressBlocks, parseAddressBlock } from '../../src/core/address-blocks.js';
import { seededRandom } from '../../src/core/random.js';

const blocks = (...cidrs: readonly string[]): AddressBlocks => addressBlocks('test', cidrs);

describe('a block of addresses', () => {
  for (const text of ['10.0.0.0/8', '10.0.0.7', '0.0.0.0/0', '::/0', '2001:DB8::/32', '::ffff:10.0.0.0/104'])
    test(`is "${text}"`, () => assert.notEqual(parseAddressBlock(text), undefined));
  for (const text of [
    '',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '::/129',
    'ten',
    '10.0.0',
    '010.0.0.1/8',
  ])
    test(`is not "${text}"`, () => assert.equal(parseAddressBlock(text), undefined));
  test('has no zone', () => assert.equal(parseAddressBlock('fe80::1%eth0/10'), undefined));
});

describe('blocks of addresses', () => {
  test('that cannot be read are an error, which names the option and the block', () => {
    assert.throws(() => addressBlocks('trustedProxies', ['10.0.0.0/8', 'ten']), {
      code: 'CONFIG_INVALID',
      message: 'trustedProxies: "ten" is not a CIDR like 10.0.0.0/8',
    });
  });

  test('hold an IPv6 address whatever its zone', () => {
    assert.equal(blocks('fe80::/10').holds('fe80::a9fe:a9fe%eth0'), true);
    assert.equal(blocks('10.0.0.0/8').holds('::ffff:10.0.0.1%2'), true);
  });

  test('hold nothing that is no address', () => {
    for (const text of ['', '10.0.0', '10.0.0.1:80', 'unknown', '[::1]'])
      assert.equal(blocks('0.0.0.0/0', '::/0').holds(text), false, text);
  });

  test('hold all of what they begin and end with, also when the first address given is in the middle', () => {
    const some = blocks('10.1.2.3/22', '2001:db8:0:ff::5/63');
    for (const ip of ['10.1.0.0', '10.1.3.255', '2001:db8:0:fe::', '2001:db8:0:ff:ffff:ffff:ffff:ffff'])
      assert.equal(some.holds(ip), true, ip);
    for (const ip of ['10.0.255.255', '10.1.4.0', '2001:db8:0:fd:ffff:ffff:ffff:ffff', '2001:db8:0:100::'])
      assert.equal(some.holds(ip), false, ip);
  });

  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  test(`hold what Node's BlockList holds (SEED=${seed})`, () => {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random() * limit);
    const ipv4 = (): string => Array.from({ length: 4 }, () => below(3) * 127).join('.');
    const word = (): string => (random() < 0.6 ? 0 : below(0x10000)).toString(16);
    const ipv6 = (): string => Array.from({ length: 8 }, word).join(':');
    const spellings = [
      ipv4,
      ipv6,
      () => `::ffff:${ipv4()}`,
      () => `::${ipv4()}`,
      () => `${word()}::${word()}`,
    ];
    const ip = (): string => spellings[below(spellings.length)]?.() ?? '';
    const family = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6');
    let held = 0;
    for (let round = 0; round < 3000; round += 1) {
      const network = ip();
      const bits = below(family(network) === 'ipv4' ? 33 : 129);
      const list = new BlockList();
      list.addSubnet(network, bits, family(network));
      const address = random() < 0.2 ? network : ip();
      const expected = list.check(address, family(address));
      held += Number(expected);
      assert.equal(blocks(`${network}/${bits}`).holds(address), expected, `${network}/${bits} ${address}`);
    }
    assert.ok(held > 300 && held < 2700, `held ${held}`);
  });
});
