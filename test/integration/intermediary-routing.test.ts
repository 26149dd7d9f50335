import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';

/** Starts a gateway whose services all answer `service METHOD target`. Returns what a request is answered. */
async function asker(
  t: { after(task: () => Promise<unknown>): void },
  routes: string,
  services: readonly string[],
) {
  const upstreams = await Promise.all(
    services.map((service) =>
      rawUpstream(answering((request) => ok(`${service} ${request.startLine.split(' ')[1]}`))),
    ),
  );
  t.after(() => Promise.all(upstreams.map((upstream) => upstream.close())));
  const gateway = await startGatewayUnderTest({
    routes,
    services: Object.fromEntries(
      services.map((service, index) => [service, [upstreams[index]?.address ?? '']]),
    ),
  });
  t.after(() => gateway.close());
  return async (target: string, host = 'a'): Promise<string> => {
    const { status, body } = await rawRequest(gateway.port, head(`GET ${target} HTTP/1.1`, `Host: ${host}`));
    return status === 200 ? body.toString() : String(status);
  };
}

test('a prefix matches whole segments', async (t) => {
  const ask = await asker(t, 'routes:\n  - prefix: /goods\n    service: goods\n', ['goods']);
  assert.equal(await ask('/goods'), 'goods /goods');
  assert.equal(await ask('/goods/'), 'goods /goods/');
  assert.equal(await ask('/goods/1?x'), 'goods /goods/1?x');
  assert.equal(await ask('/goods?x'), 'goods /goods?x');
  for (const target of ['/goodsale', '/goods-sale/1', '/good', '/', '/Goods', '/x/goods']) {
    assert.equal(await ask(target), '404', target);
  }
});

test('the longest prefix wins, whatever the order in the file', async (t) => {
  const routes = `routes:
  - { prefix: /, service: rest }
  - { prefix: /goods/old/x, service: deep }
  - { prefix: /goods, service: goods }
  - { prefix: /goods/old, service: old }
`;
  const ask = await asker(t, routes, ['rest', 'deep', 'goods', 'old']);
  assert.equal(await ask('/'), 'rest /');
  assert.equal(await ask('/goodsale'), 'rest /goodsale');
  assert.equal(await ask('/goods/older'), 'goods /goods/older');
  assert.equal(await ask('/goods/old'), 'old /goods/old');
  assert.equal(await ask('/goods/old/xy'), 'old /goods/old/xy');
  assert.equal(await ask('/goods/old/x/y'), 'deep /goods/old/x/y');
});

test('stripPrefix forwards the rest of the path, and at least /', async (t) => {
  const ask = await asker(t, 'routes:\n  - { prefix: /goods, service: goods, stripPrefix: true }\n', [
    'goods',
  ]);
  assert.equal(await ask('/goods/a%20b/c?x=/goods'), 'goods /a%20b/c?x=/goods');
  assert.equal(await ask('/goods'), 'goods /');
  assert.equal(await ask('/goods/'), 'goods /');
  assert.equal(await ask('/goods?x=1'), 'goods /?x=1');
});

test('rewritePrefix puts another prefix in its place', async (t) => {
  const routes = `routes:
  - { prefix: /goods, service: goods, rewritePrefix: /api/v1 }
  - { prefix: /root, service: goods, rewritePrefix: / }
  - { prefix: /, service: goods, rewritePrefix: /all }
`;
  const ask = await asker(t, routes, ['goods']);
  assert.equal(await ask('/goods/1?x'), 'goods /api/v1/1?x');
  assert.equal(await ask('/goods'), 'goods /api/v1');
  assert.equal(await ask('/goods/'), 'goods /api/v1/');
  assert.equal(await ask('/root/1'), 'goods /1');
  assert.equal(await ask('/root'), 'goods /');
  assert.equal(await ask('/other/1'), 'goods /all/other/1');
});

test('a route with a host serves that host alone, in any letter case and on any port', async (t) => {
  const routes = `routes:
  - { host: Shop.Example, prefix: /, service: shop }
  - { host: '*.shop.example', prefix: /, service: branch }
  - { prefix: /goods, service: goods }
`;
  const ask = await asker(t, routes, ['shop', 'branch', 'goods']);
  assert.equal(await ask('/goods', 'shop.example'), 'shop /goods');
  assert.equal(await ask('/x', 'SHOP.example:8080'), 'shop /x');
  assert.equal(await ask('/x', 'a.shop.example'), 'branch /x');
  assert.equal(await ask('/goods', 'other.example'), 'goods /goods');
  assert.equal(await ask('/x', 'other.example'), '404');
  assert.equal(await ask('/x', 'notshop.example'), '404');
  assert.equal(await ask('http://shop.example/x', 'other.example'), 'shop /x');
});

test('no spelling of a path slips past the route that it means', async (t) => {
  const ask = await asker(
    t,
    'routes:\n  - { prefix: /, service: rest }\n  - { prefix: /admin, service: admin }\n',
    ['rest', 'admin'],
  );
  for (const path of ['//admin', '/%61dmin', '/./admin', '/x/../admin', '///%61d%6Din', '/x//../../admin']) {
    assert.match(await ask(path), /^(admin \/admin|400)$/, path);
  }
});
