import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRoutes } from '../../src/routing/compile.js';
import { routeVerdicts } from '../../src/routing/verdicts.js';

/** `shop.example/goods` is a route with a host, `/goods` one without. */
function verdicts(ids: readonly string[], path: string, host?: string): string[] {
  const routes = ids.map((id) => {
    const slash = id.indexOf('/');
    return { id, host: slash === 0 ? undefined : id.slice(0, slash), prefix: id.slice(slash) };
  });
  return routeVerdicts(compileRoutes(routes), host, path).map(({ route, fit }) => `${route.id} ${fit}`);
}

test('the most specific route is named first, and each says why it is or is not the one', () => {
  assert.deepEqual(
    verdicts(['/', '/goods', '/goods/admin', 'shop.example/goods', '*.example/'], '/goods/list'),
    [
      'shop.example/goods other-host',
      '*.example/ other-host',
      '/goods/admin other-path',
      '/goods matched',
      '/ outranked',
    ],
  );
});

test('a host goes before any host, and an exact one before a wildcard', () => {
  assert.deepEqual(
    verdicts(['/a/b', '*.shop.example/a', '*.example/', 'eu.shop.example/a'], '/a/b', 'eu.shop.example:80'),
    ['eu.shop.example/a matched', '*.shop.example/a outranked', '*.example/ outranked', '/a/b outranked'],
  );
});

test('of two routes for the same the first is the one', () => {
  assert.deepEqual(verdicts(['/a', '/a'], '/a'), ['/a matched', '/a outranked']);
});

test('without a match every route says why not', () => {
  assert.deepEqual(verdicts(['/goods', 'shop.example/'], '/goodsale', 'other.example'), [
    'shop.example/ other-host',
    '/goods other-path',
  ]);
});
