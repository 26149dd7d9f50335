import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTarget } from '../../src/proxy/target.js';

// RFC 9112 section 3.2.

const ORIGIN_FORMS: readonly (readonly [target: string, path: string, query: string])[] = [
  ['/', '/', ''],
  ['/goods/list', '/goods/list', ''],
  ['/goods?page=2', '/goods', '?page=2'],
  ['/goods?', '/goods', '?'],
  ['/goods?a=/b?c#d', '/goods', '?a=/b?c#d'],
  ['//other.example/x', '//other.example/x', ''],
  ['/http://a/b', '/http://a/b', ''],
  ['/%2e%2E/a%20b', '/%2e%2E/a%20b', ''],
];

for (const [target, path, query] of ORIGIN_FORMS) {
  test(`origin form ${target} is taken apart and left as it is`, () => {
    assert.deepEqual(readTarget(target), { path, query, authority: undefined, scheme: undefined });
  });
}

const ABSOLUTE_FORMS: readonly (readonly [target: string, authority: string, path: string, query: string])[] =
  [
    ['http://a.example/goods?x=1', 'a.example', '/goods', '?x=1'],
    ['http://a.example', 'a.example', '/', ''],
    ['http://a.example/', 'a.example', '/', ''],
    ['http://a.example?x=1', 'a.example', '/', '?x=1'],
    ['HTTPS://A.Example:8443/x', 'A.Example:8443', '/x', ''],
    ['http://[2001:db8::1]:80/x', '[2001:db8::1]:80', '/x', ''],
  ];

for (const [target, authority, path, query] of ABSOLUTE_FORMS) {
  test(`absolute form ${target} gives its authority`, () => {
    assert.deepEqual(readTarget(target), {
      path,
      query,
      authority,
      scheme: /^https/i.test(target) ? 'https' : 'http',
    });
  });
}

const REFUSED = {
  'an empty target': '',
  'asterisk form': '*',
  'authority form': 'a.example:443',
  'user information': 'http://user:secret@a.example/',
  'an empty authority': 'http:///goods',
  'an authority whose port is no port': 'http://a.example:65536/',
  'an authority with half a bracket': 'http://[::1/goods',
  'another scheme': 'ftp://a.example/',
  'a scheme with one slash': 'http:/goods',
  'a relative path': 'goods/list',
  'a query alone': '?x=1',
};

for (const [what, target] of Object.entries(REFUSED)) {
  test(`${what} cannot be routed by path: ${JSON.stringify(target)}`, () => {
    assert.equal(readTarget(target), undefined);
  });
}
