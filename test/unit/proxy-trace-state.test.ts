import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTraceState } from '../../src/proxy/trace-state.js';

// https://www.w3.org/TR/trace-context/ section 3.3.

const members = (count: number): string =>
  Array.from({ length: count }, (_, index) => `vendor${index}=${index}`).join(',');

const GOOD = {
  'one member': 'rojo=00f067aa0ba902b7',
  'two members': 'rojo=1,congo=t61rcWkgMzE',
  'a tenant and a system': 'fw529a3039@dt=FfFfFfFf',
  'a tenant that begins with a digit': '0ten@sys=1',
  'every character that a key may have': 'a0_-*/z=1',
  'every kind of character that a value may have': `x=${' !"#$%&\'()*+-./09:;<>?@AZ[]^_`az{|}~'}`,
  'space and tabs around members': 'foo=1 \t , \t bar=2',
  'empty members, which are not counted': `${members(32)},,,`,
  '32 members': members(32),
  'the longest key and value': `${'k'.repeat(256)}=${'v'.repeat(256)}`,
  'the longest tenant and system': `${'t'.repeat(241)}@${'s'.repeat(14)}=v`,
  'more than the 512 characters that all must pass on': members(32).replaceAll('=', `=${'v'.repeat(100)}`),
  'a key that comes twice, which others sort out': 'foo=1,foo=2',
};

for (const [what, list] of Object.entries(GOOD)) {
  test(`${what} is a tracestate`, () => assert.ok(isTraceState(list)));
}

const BAD = {
  'nothing at all': '',
  'nothing but commas': ' , ,',
  '33 members': members(33),
  'a member without a value': 'foo',
  'an empty value': 'foo=',
  'an empty key': '=1',
  'an equals sign within a value': 'foo=bar=baz',
  'an upper-case key': 'FOO=1',
  'a key that begins with a digit': '0foo=1',
  'a dot in a key': 'foo.bar=1',
  'space before the equals sign': 'foo =1',
  'a key that is too long': `${'k'.repeat(257)}=v`,
  'a value that is too long': `k=${'v'.repeat(257)}`,
  'a tenant that is too long': `${'t'.repeat(242)}@s=v`,
  'a system that is too long': `t@${'s'.repeat(15)}=v`,
  'two at signs': 'foo@bar@baz=1',
  'an empty tenant': '@foo=1',
  'an empty system': 'foo@=1',
  'one wrong member among good ones': 'foo=1,BAR=2,baz=3',
  'a character outside ASCII': 'foo=é',
};

for (const [what, list] of Object.entries(BAD)) {
  test(`${what} is no tracestate`, () => assert.equal(isTraceState(list), false));
}
