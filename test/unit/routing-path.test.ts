import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathPrefixProblem } from '../../src/config/path-prefix.js';
import { randomBelow, seededRandom } from '../../src/core/random.js';
import { canonicalPath, forwardedPath } from '../../src/routing/path.js';

test('an ordinary path is canonical as it is', () => {
  const paths = ['/', '/goods', '/goods/', "/a/b.c/d..e/..f/...//x;y=1/(z)/@:!$&'*+,=~_-", '/.well-known/x'];
  for (const path of paths) assert.equal(canonicalPath(path, 1), path);
});

test('plain dot segments are resolved', () => {
  const resolved = {
    '/a/./b': '/a/b',
    '/a/../b': '/b',
    '/a/b/../../c/': '/c/',
    '/a/.': '/a/',
    '/a/..': '/',
    '/./': '/',
    '/goods/../admin': '/admin',
    '/goods/x/../../admin/y': '/admin/y',
  };
  for (const [path, canonical] of Object.entries(resolved))
    assert.equal(canonicalPath(path, 1), canonical, path);
});

test('climbing above the root, or out of an empty segment, is refused', () => {
  const climbing = [
    '/..',
    '/../a',
    '/a/../..',
    '/a/../../b',
    '/a//../b',
    '/a//..//b/x',
    '//../a',
    '/a//x/../../b',
  ];
  for (const path of climbing) {
    for (let depth = 0; depth <= 4; depth += 1) assert.equal(canonicalPath(path, depth), undefined, path);
  }
});

test('dot segments in disguise are refused, however deep', () => {
  const disguised = ['%2e', '%2E%2e', '.%2e', '%2e.', '..;', '..;x=1', '.;', '..%3bx', '%2e%2e;'];
  for (const segment of disguised) {
    for (const path of [`/${segment}`, `/a/b/c/${segment}`, `/a/${segment}/b`]) {
      assert.equal(canonicalPath(path, 1), undefined, path);
    }
  }
});

test('separators, NUL, controls and broken escapes are refused, however deep', () => {
  for (const part of [
    '%2f',
    '%2F',
    '%5c',
    '\\',
    '%00',
    '\0',
    ' ',
    '\t',
    '\x7f',
    '#',
    '%',
    '%2',
    '%zz',
    '\u0100',
  ]) {
    for (const path of [`/${part}`, `/a/b/c${part}z`, `/a${part}/b`]) {
      assert.equal(canonicalPath(path, 1), undefined, JSON.stringify(path));
    }
  }
});

test('a target that is no path is refused', () => {
  for (const path of ['', '*', 'goods', 'http://a/b', '.', '%2fgoods'])
    assert.equal(canonicalPath(path, 1), undefined);
});

test('the part that routing looks at is spelt canonically, so that no other spelling slips past a route', () => {
  assert.equal(canonicalPath('/%67oods/list', 1), '/goods/list');
  assert.equal(canonicalPath('//goods/list', 1), '/goods/list');
  assert.equal(canonicalPath('/goods//%6cist', 2), '/goods/list');
  assert.equal(canonicalPath('/caf%c3%a9/', 1), '/caf%C3%A9/');
  assert.equal(canonicalPath('//', 1), '/');
  assert.equal(canonicalPath('/x/..//goods', 1), '/goods');
  assert.equal(canonicalPath('/goods//x/../list', 3), '/goods/list');
});

test('the rest of the path stays byte for byte', () => {
  for (const rest of ['/%7Euser', '//double//', '/%41%3f', '/caf\xc3\xa9', '/%c3%a9', '/http://x.example/']) {
    assert.equal(canonicalPath(`/goods${rest}`, 1), `/goods${rest}`);
  }
  assert.equal(canonicalPath('/a/b/%63', 2), '/a/b/%63');
});

test('a path never begins with two slashes, even when no route looks at segments', () => {
  assert.equal(canonicalPath('//evil.example/x', 0), '/evil.example/x');
});

const PIECES = [
  '/',
  '/',
  '/',
  '.',
  '..',
  'a',
  'goods',
  '%61',
  '%2e',
  '%2E',
  '%2f',
  '%5C',
  '\\',
  ';',
  '%3b',
  '%c3%a9',
  '\xe9',
  '%',
  '%00',
  '#',
  '~',
  '%7e',
];

test('whatever comes in, what goes out is safe, stable and routed as it will be read', () => {
  const random = seededRandom(20_240_611);
  let canonical = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const path = `/${Array.from({ length: randomBelow(random, 9) }, () => PIECES[randomBelow(random, PIECES.length)]).join('')}`;
    const depth = randomBelow(random, 4);
    const result = canonicalPath(path, depth);
    if (result === undefined) continue;
    canonical += 1;
    const because = `${JSON.stringify(path)} at depth ${depth} became ${JSON.stringify(result)}`;
    assert.equal(canonicalPath(result, depth), result, because);
    assert.match(result, /^\/(?!\/)/, because);
    // What any server could make of it: decoded once, backslash as slash, path parameters dropped.
    const read = result
      .replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replaceAll('\\', '/')
      .replaceAll(/;[^/]*/g, '');
    assert.ok(!read.split('/').some((segment) => segment === '.' || segment === '..'), because);
    assert.equal(read.split('/').length, result.split('/').length, because);
    const routed = result.split('/').slice(1, 1 + Math.max(1, depth));
    assert.ok(
      routed.slice(0, -1).every((segment) => segment !== ''),
      because,
    );
    assert.ok(
      routed.every((segment) => !/%(?:61|2e|7e)/i.test(segment)),
      because,
    );
  }
  assert.ok(canonical > 2000, `only ${canonical} of the paths were canonical`);
});

test('every prefix that the configuration accepts is spelt as canonical paths are', () => {
  const random = seededRandom(7);
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const prefix = `/${Array.from({ length: randomBelow(random, 6) }, () => PIECES[randomBelow(random, PIECES.length)]).join('')}`;
    if (pathPrefixProblem(prefix) !== undefined) continue;
    accepted += 1;
    assert.equal(canonicalPath(prefix, 9), prefix);
  }
  assert.ok(accepted > 500, `only ${accepted} of the prefixes were accepted`);
});

test('a stripped or rewritten prefix leaves a path that starts with one slash', () => {
  const cases: [prefix: string, replacePrefix: string | undefined, path: string, forwarded: string][] = [
    ['/goods', undefined, '/goods/1', '/goods/1'],
    ['/goods', '/', '/goods', '/'],
    ['/goods', '/', '/goods/', '/'],
    ['/goods', '/', '/goods/1/', '/1/'],
    ['/goods', '/', '/goods//evil.example/x', '/evil.example/x'],
    ['/goods', '/', '/goods//', '/'],
    ['/goods', '/v2', '/goods', '/v2'],
    ['/goods', '/v2', '/goods/', '/v2/'],
    ['/goods', '/v2', '/goods//1', '/v2//1'],
    ['/', '/', '/x', '/x'],
    ['/', '/v2', '/', '/v2/'],
    ['/', '/v2', '/x', '/v2/x'],
  ];
  for (const [prefix, replacePrefix, path, forwarded] of cases) {
    assert.equal(forwardedPath({ prefix, replacePrefix }, path), forwarded);
  }
});
