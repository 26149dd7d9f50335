import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAuthority } from '../../src/proxy/authority.js';
import { readRequestHead } from '../../src/proxy/request-headers.js';

// RFC 3986 section 3.2, without user information.

const AUTHORITIES = [
  'a',
  'shop.example',
  'shop.example.',
  'shop_1.example:8080',
  'shop.example:',
  'a:0',
  'a:59999',
  'a:60000',
  'a:65535',
  '127.0.0.1:80',
  '[::1]',
  '[2001:db8::1]:443',
  '[::ffff:10.0.0.1]:1',
  'caf%C3%A9.example',
  "!$&'()*+,;=~",
];

const OTHERS = [
  'a:b',
  'a:-1',
  'a:+1',
  'a:65536',
  'a:99999',
  'a:100000',
  'a:80:80',
  ':80',
  ':',
  '::1',
  '::1:80',
  '[::1',
  '::1]',
  '[::1]80',
  '[::1]:x',
  '[]',
  '[:::]',
  '[1.2.3.4]',
  '[a]',
  '[fe80::1%25eth0]',
  'a[::1]',
  'user@a',
  'a/b',
  'a?b',
  'a#b',
  'a b',
  'a\\b',
  'a,b@c',
  'a%',
  'a%zz',
  'caf\xe9',
];

test('a name or an address, with or without a port, is an authority', () => {
  for (const text of AUTHORITIES) {
    assert.equal(isAuthority(text), true, text);
    assert.equal(readRequestHead(['Host', text]).malformed, undefined, text);
  }
});

test('nothing else is, and a Host must be one', () => {
  for (const text of OTHERS) {
    assert.equal(isAuthority(text), false, text);
    assert.equal(readRequestHead(['Host', text]).malformed, 'bad Host', text);
  }
});

test('a Host may be empty, and an authority may not', () => {
  assert.equal(readRequestHead(['Host', '']).malformed, undefined);
  assert.equal(isAuthority(''), false);
});
