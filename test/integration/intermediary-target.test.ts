import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { fieldOf, head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';

// One canonical path is routed on and forwarded; RFC 3986 section 6.2.2 and RFC 9110 section 7.7
// say what may be changed on the way: nothing that a reader could tell.

const TWO_ROUTES = `routes:
  - prefix: /goods
    service: goods
  - prefix: /admin
    service: admin
`;

/** Routing looks at the first three segments of a path. */
const THREE_DEEP = `${TWO_ROUTES}  - prefix: /admin/x/y
    service: admin
`;

const refused = [
  '/goods//../admin',
  '/goods//..//admin/x',
  '/goods//x/../../admin/x',
  '/goods/%2e%2e/admin',
  '/goods/%2E./admin',
  '/goods/.%2e/admin',
  '/goods/%2e/x',
  '/%2e%2e/goods',
  '/goods%2fx',
  '/goods/..%2fadmin',
  '/goods/x%2Fy',
  '/goods%5cx',
  '/goods/..%5Cadmin',
  '/goods\\x',
  '/goods/..\\admin',
  '/goods/%00',
  '/goods%00/x',
];

test('paths that two readers could take differently are refused and reach no endpoint', async (t) => {
  const upstream = await rawUpstream();
  t.after(() => upstream.close());
  const services = { goods: [upstream.address], admin: [upstream.address] };
  const gateway = await startGatewayUnderTest({ routes: THREE_DEEP, services });
  t.after(() => gateway.close());
  for (const path of refused) {
    const response = await rawRequest(gateway.port, head(`GET ${path} HTTP/1.1`, 'Host: a'));
    assert.equal(response.status, 400, path);
    assert.match(response.body.toString(), /"code":"BAD_REQUEST"/);
  }
  assert.equal(upstream.connections.length, 0);
});

test('dot segments never lead out of a route into the service it names', async (t) => {
  const goods = await rawUpstream(answering(ok('goods')));
  const admin = await rawUpstream(answering(ok('admin')));
  t.after(() => Promise.all([goods.close(), admin.close()]));
  const services = { goods: [goods.address], admin: [admin.address] };
  const gateway = await startGatewayUnderTest({ routes: TWO_ROUTES, services });
  t.after(() => gateway.close());
  for (const path of ['/goods/../admin', '/goods/./../admin', '/goods/..', '/goods/x/../../admin/y']) {
    const { status, body } = await rawRequest(gateway.port, head(`GET ${path} HTTP/1.1`, 'Host: a'));
    if (status === 200) assert.equal(body.toString(), 'admin', path);
    else assert.ok(status === 400 || status === 404, `${path}: ${status}`);
  }
  assert.equal(goods.connections.length, 0);
  for (const request of admin.requests) assert.match(request.startLine, /^GET \/admin(\/y)? /);
});

const kept = [
  '/goods?a=b?c',
  '/goods?',
  '/goods??',
  '/goods?a=%7E&b=~&c=%2e%2e%2f%5c%00',
  '/goods?next=//evil.example/../x\\y',
  '/goods?q=!$&\'()*+,;=:@/[]{}|^`"<>',
  '/goods?a=%zz%',
  '/goods?a=1&a=2&&b&=',
  '/goods/%7Euser/~x/a%20b/;p=1/:colon/@at/(x)/a+b/%E4%BD%A0%E5%A5%BD',
  "/goods/!$&'()*+,;=:@-._~",
  '/goods/',
  '/goods//double///slash//',
  '/goods/a...b/.hidden/..twodots/three.../x..',
  '/goods/%41%3f%23',
];

test('path and query are forwarded byte for byte', async (t) => {
  const { port, upstream } = await behindGateway(t, undefined, TWO_ROUTES);
  for (const target of kept) {
    const { status } = await rawRequest(port, head(`GET ${target} HTTP/1.1`, 'Host: a'));
    assert.equal(status, 200, target);
  }
  assert.deepEqual(
    upstream.requests.map((request) => request.startLine),
    kept.map((target) => `GET ${target} HTTP/1.1`),
  );
});

test('bytes beyond ASCII in a target are forwarded as they are or refused, never changed', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const target = '/caf\xc3\xa9?q=\xe9';
  const { status } = await rawRequest(port, Buffer.from(head(`GET ${target} HTTP/1.1`, 'Host: a'), 'latin1'));
  assert.ok(status === 200 || status === 400, String(status));
  assert.ok(upstream.requests.every((request) => request.startLine === `GET ${target} HTTP/1.1`));
});

test('a path whose percent-encoding is broken is forwarded as it is or refused, never mended', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (const path of ['/goods/%zz', '/goods/%2', '/goods/%']) {
    const { status } = await rawRequest(port, head(`GET ${path} HTTP/1.1`, 'Host: a'));
    assert.ok(status === 200 || status === 400, `${path}: ${status}`);
    if (status === 200) assert.equal(upstream.requests.at(-1)?.startLine, `GET ${path} HTTP/1.1`);
  }
});

test('a fragment is no part of a request target', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (const target of ['/goods#frag', '/goods?a#frag', '/goods?#', 'http://a/goods?a#frag']) {
    const { status } = await rawRequest(port, head(`GET ${target} HTTP/1.1`, 'Host: a'));
    assert.equal(status, 400, target);
  }
  assert.equal(upstream.connections.length, 0);
});

test('OPTIONS * and CONNECT are answered, not left hanging', async (t) => {
  const { port } = await behindGateway(t);
  const options = await rawRequest(port, head('OPTIONS * HTTP/1.1', 'Host: a'));
  assert.ok([200, 204, 400, 404].includes(options.status), String(options.status));
  const connect = await rawRequest(port, head('CONNECT example.com:443 HTTP/1.1', 'Host: example.com:443'));
  assert.ok([400, 404, 405, 501].includes(connect.status), String(connect.status));
  assert.ok(fieldOf(connect, 'x-trace-id'));
});
