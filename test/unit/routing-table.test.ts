import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, seededRandom } from '../../src/core/random.js';
import { compileRoutes } from '../../src/routing/compile.js';

interface TestRoute {
  readonly prefix: string;
  readonly host: string | undefined;
}

/** `shop.example/goods` is a route with a host, `/goods` one without. */
function routes(...ids: readonly string[]): TestRoute[] {
  return ids.map((id) => {
    const slash = id.indexOf('/');
    return { host: slash === 0 ? undefined : id.slice(0, slash), prefix: id.slice(slash) };
  });
}

function matcher(...ids: readonly string[]) {
  const table = compileRoutes(routes(...ids));
  return (path: string, host?: string): string | undefined => {
    const route = table.match(host, path);
    return route && `${route.host ?? ''}${route.prefix}`;
  };
}

test('a prefix matches whole segments', () => {
  const match = matcher('/goods');
  for (const path of ['/goods', '/goods/', '/goods/list', '/goods//x'])
    assert.equal(match(path), '/goods', path);
  for (const path of ['/', '/good', '/goodsale', '/goods-x/y', '/x/goods', '/Goods']) {
    assert.equal(match(path), undefined, path);
  }
});

test('the longest prefix wins, whatever the order', () => {
  for (const match of [matcher('/', '/a', '/a/b/c'), matcher('/a/b/c', '/a', '/')]) {
    assert.equal(match('/x'), '/');
    assert.equal(match('/a/b'), '/a');
    assert.equal(match('/a/b/cd'), '/a');
    assert.equal(match('/a/b/c/d'), '/a/b/c');
  }
});

test('a table without routes matches nothing', () => {
  assert.equal(matcher()('/', 'a.example'), undefined);
});

test('an exact host comes before a wildcard, the longer wildcard before the shorter, any host last', () => {
  const match = matcher('/', '*.example/', '*.shop.example/', 'eu.shop.example/');
  assert.equal(match('/x', 'eu.shop.example'), 'eu.shop.example/');
  assert.equal(match('/x', 'us.shop.example'), '*.shop.example/');
  assert.equal(match('/x', 'a.b.shop.example'), '*.shop.example/');
  assert.equal(match('/x', 'shop.example'), '*.example/');
  assert.equal(match('/x', 'example'), '/');
  assert.equal(match('/x', 'notexample'), '/');
  assert.equal(match('/x', ''), '/');
  assert.equal(match('/x', undefined), '/');
});

test('the host decides before the length of the prefix, and one without a matching prefix falls through', () => {
  const match = matcher('/goods/list', '*.example/goods', 'a.example/admin');
  assert.equal(match('/goods/list', 'a.example'), '*.example/goods');
  assert.equal(match('/goods/list', 'b.test'), '/goods/list');
  assert.equal(match('/admin', 'a.example'), 'a.example/admin');
  assert.equal(match('/admin', 'b.example'), undefined);
});

test('case, port and a final dot of the host do not matter', () => {
  const match = matcher('shop.example/', '[::1]/', '127.0.0.1/');
  for (const host of [
    'shop.example',
    'SHOP.Example',
    'shop.example:8080',
    'shop.example.',
    'Shop.example.:80',
  ]) {
    assert.equal(match('/', host), 'shop.example/', host);
  }
  assert.equal(match('/', '[::1]:8080'), '[::1]/');
  assert.equal(match('/', '[::1]'), '[::1]/');
  assert.equal(match('/', '127.0.0.1:80'), '127.0.0.1/');
});

test('a host longer than a name can be matches no rule, at no cost', () => {
  assert.equal(matcher('*.example/', '/any')('/', `${'a.'.repeat(8000)}example`), undefined);
});

test('depth is how many segments a match can look at', () => {
  assert.equal(compileRoutes([]).depth, 0);
  assert.equal(compileRoutes(routes('/')).depth, 0);
  assert.equal(compileRoutes(routes('/', '/a', 'x.example/a/b/c')).depth, 3);
});

test('a table is not changed by what becomes of the list it was made of', () => {
  const list = routes('/a');
  const table = compileRoutes(list);
  list.push(...routes('/b'));
  assert.equal(table.routes.length, 1);
  assert.equal(table.match(undefined, '/b'), undefined);
});

test('a match agrees with trying every route in turn', () => {
  const random = seededRandom(42);
  const pick = <T>(list: readonly T[]): T => {
    const item = list[randomBelow(random, list.length)];
    assert.ok(item !== undefined);
    return item;
  };
  const segments = ['a', 'b', 'ab', 'c'];
  const randomPath = (): string =>
    `/${Array.from({ length: randomBelow(random, 4) }, () => pick(segments)).join('/')}`;
  const hosts = ['', '', 'x.y', '*.y', '*.x.y', 'z.x.y'];
  for (let round = 0; round < 300; round += 1) {
    const ids = [...new Set(Array.from({ length: 12 }, () => pick(hosts) + randomPath()))];
    const match = matcher(...ids);
    for (let ask = 0; ask < 30; ask += 1) {
      const [path, host] = [randomPath(), pick(['x.y', 'z.x.y', 'q.x.y', 'y', 'w.y'])];
      assert.equal(
        match(path, host),
        slowMatch(routes(...ids), host, path),
        `${host}${path} of ${ids.join(' ')}`,
      );
    }
  }
});

function slowMatch(list: readonly TestRoute[], host: string, path: string): string | undefined {
  const rank = (route: TestRoute): number => {
    if (route.host === undefined) return 0;
    return route.host.startsWith('*.') ? route.host.length : 1000;
  };
  const [best] = list
    .filter(
      ({ host: wanted }) =>
        wanted === undefined ||
        wanted === host ||
        (wanted.startsWith('*.') && host.endsWith(wanted.slice(1))),
    )
    .filter(({ prefix }) => prefix === '/' || path === prefix || path.startsWith(`${prefix}/`))
    .toSorted((a, b) => rank(b) - rank(a) || b.prefix.length - a.prefix.length);
  return best && `${best.host ?? ''}${best.prefix}`;
}
