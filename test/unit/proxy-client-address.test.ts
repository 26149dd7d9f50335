import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  clientAddress,
  forwardedNode,
  plainAddress,
  trustedProxies,
} from '../../src/proxy/client-address.js';

describe('trustedProxies', () => {
  const RANGES = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'];
  const CASES: readonly (readonly [address: string, trusted: boolean])[] = [
    ['10.0.0.1', true],
    ['10.255.255.255', true],
    ['11.0.0.1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8::1', true],
    ['2001:DB8:FFFF::1', true],
    ['2001:db9::1', false],
    ['::1', true],
    ['::2', false],
    ['::ffff:10.0.0.1', true],
    ['::ffff:11.0.0.1', false],
    ['unknown', false],
    ['10.0.0.1:80', false],
    ['', false],
  ];
  for (const [address, trusted] of CASES) {
    test(`${RANGES.join(', ')} ${trusted ? 'hold' : 'do not hold'} "${address}"`, () => {
      assert.equal(trustedProxies(RANGES).trusts(address), trusted);
    });
  }

  test('nobody is trusted when nothing is configured', () => {
    const proxies = trustedProxies([]);
    for (const address of ['127.0.0.1', '::1', '0.0.0.0']) assert.equal(proxies.trusts(address), false);
  });

  test('everybody is, when 0.0.0.0/0 and ::/0 are', () => {
    const proxies = trustedProxies(['0.0.0.0/0', '::/0']);
    for (const address of ['203.0.113.9', '2001:db8::1']) assert.equal(proxies.trusts(address), true);
  });
});

describe('the address of the client', () => {
  const proxies = trustedProxies(['10.0.0.0/8', '2001:db8::/32']);
  const CASES: readonly (readonly [name: string, peer: string, chain: string | undefined, client: string])[] =
    [
      ['is the peer when nothing is claimed', '203.0.113.9', undefined, '203.0.113.9'],
      ['is the peer, whatever an untrusted peer claims', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
      ['is what a trusted peer says', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
      [
        'is the first from the right that is not trusted',
        '10.0.0.1',
        '1.1.1.1, 198.51.100.1, 10.0.0.2',
        '198.51.100.1',
      ],
      ['ignores what stands left of an untrusted hop', '10.0.0.1', '10.0.0.9, 198.51.100.1', '198.51.100.1'],
      ['is the leftmost when all are trusted', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
      ['is read whatever the spacing', '10.0.0.1', '198.51.100.1,10.0.0.2 ,  10.0.0.3', '198.51.100.1'],
      ['may be an IPv6 address behind IPv4 proxies', '10.0.0.1', '2001:4860::1, 10.0.0.2', '2001:4860::1'],
      ['is found over IPv6 proxies', '2001:db8::1', '198.51.100.1, 2001:db8::2', '198.51.100.1'],
      [
        'is found over hops written as mapped IPv4',
        '10.0.0.1',
        '198.51.100.1, ::ffff:10.0.0.2',
        '198.51.100.1',
      ],
      [
        'stops at the last hop known, before a hop that is no address',
        '10.0.0.1',
        '198.51.100.1, unknown',
        '10.0.0.1',
      ],
      ['stops before a hop that has a port', '10.0.0.1', '198.51.100.1:80, 10.0.0.2', '10.0.0.2'],
      ['stops before an empty hop', '10.0.0.1', '198.51.100.1,, 10.0.0.2', '10.0.0.2'],
      ['is the peer when the chain is empty', '10.0.0.1', '', '10.0.0.1'],
    ];
  for (const [name, peer, chain, client] of CASES) {
    test(`${name}: ${chain ?? 'nothing'} from ${peer}`, () => {
      assert.equal(clientAddress(peer, chain, proxies), client);
    });
  }
});

test('an IPv4 address on a dual-stack socket is shown as IPv4, any other as it is', () => {
  assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(plainAddress('192.0.2.1'), '192.0.2.1');
  assert.equal(plainAddress('2001:db8::1'), '2001:db8::1');
  assert.equal(plainAddress('::ffff:c000:201'), '::ffff:c000:201');
  assert.equal(plainAddress(undefined), 'unknown');
});

test('Forwarded names an IPv6 address in quoted brackets (RFC 7239 section 6)', () => {
  assert.equal(forwardedNode('192.0.2.1'), '192.0.2.1');
  assert.equal(forwardedNode('2001:db8::1'), '"[2001:db8::1]"');
  assert.equal(forwardedNode('unknown'), 'unknown');
});
