import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { fieldOf, fieldsOf, head, membersOf, type RawHead } from '../support/raw-http.js';

// RFC 7239, "Forwarded HTTP Extension", and the X-Forwarded-* fields that came before it.

const TRUSTING = `trustedProxies: [127.0.0.0/8, 10.0.0.0/8]\n${routeAll()}`;

const CLAIMED = [
  'X-Forwarded-For: 203.0.113.7',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: shop.example',
  'X-Forwarded-Port: 443',
  'Forwarded: for=203.0.113.7;proto=https;host=shop.example',
];

/** The elements of `Forwarded`, each as its parameters in lower case without quotes. */
function forwardedOf(message: RawHead): Record<string, string>[] {
  return membersOf(message, 'Forwarded').map((element) =>
    Object.fromEntries(
      element.split(';').map((pair) => {
        const [name = '', value = ''] = pair.split(/=(.*)/s);
        return [name.trim().toLowerCase(), value.replace(/^"(.*)"$/, '$1')];
      }),
    ),
  );
}

test('Host reaches the endpoint as the client sent it, once', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(port, head('GET / HTTP/1.1', 'host: Shop.Example:8443'));
  assert.deepEqual(fieldsOf(await upstream.request(), 'Host'), ['Shop.Example:8443']);
});

test('hostHeader rewrites Host, and X-Forwarded-Host still says what the client asked for', async (t) => {
  const { port, upstream } = await behindGateway(t, undefined, routeAll('hostHeader: goods.internal'));
  await rawRequest(port, head('GET / HTTP/1.1', 'Host: shop.example'));
  const seen = await upstream.request();
  assert.deepEqual(fieldsOf(seen, 'Host'), ['goods.internal']);
  assert.deepEqual(fieldsOf(seen, 'X-Forwarded-Host'), ['shop.example']);
});

test('what a stranger claims about where it comes from is replaced by what the gateway sees', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t);
  const host = `127.0.0.1:${port}`;
  await rawRequest(port, head('GET / HTTP/1.1', `Host: ${host}`, ...CLAIMED));
  const seen = await upstream.request();
  assert.deepEqual(fieldsOf(seen, 'X-Forwarded-For'), ['127.0.0.1']);
  assert.deepEqual(fieldsOf(seen, 'X-Forwarded-Proto'), ['http']);
  assert.deepEqual(fieldsOf(seen, 'X-Forwarded-Host'), [host]);
  assert.deepEqual(fieldsOf(seen, 'X-Forwarded-Port'), [String(port)]);
  const [element, ...more] = forwardedOf(seen);
  assert.deepEqual(more, []);
  assert.equal(element?.['for'], '127.0.0.1');
  assert.equal(element?.['proto'], 'http');
  assert.equal(element?.['host'], host);
  assert.equal((await gateway.record()).client, '127.0.0.1');
});

test('what a trusted proxy says is kept, and the gateway’s own view is appended', async (t) => {
  const { port, upstream } = await behindGateway(t, undefined, TRUSTING);
  await rawRequest(port, head('GET / HTTP/1.1', `Host: 127.0.0.1:${port}`, ...CLAIMED));
  const seen = await upstream.request();
  assert.deepEqual(membersOf(seen, 'X-Forwarded-For'), ['203.0.113.7', '127.0.0.1']);
  assert.equal(membersOf(seen, 'X-Forwarded-Proto')[0], 'https');
  assert.equal(membersOf(seen, 'X-Forwarded-Host')[0], 'shop.example');
  assert.equal(membersOf(seen, 'X-Forwarded-Port')[0], '443');
  const elements = forwardedOf(seen);
  assert.deepEqual(
    elements.map((element) => element['for']),
    ['203.0.113.7', '127.0.0.1'],
  );
  assert.equal(elements[0]?.['host'], 'shop.example');
});

test('several X-Forwarded-For lines of a trusted proxy are one list', async (t) => {
  const { port, upstream } = await behindGateway(t, undefined, TRUSTING);
  const lines = ['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-For: 10.0.0.1'];
  await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', ...lines));
  assert.deepEqual(membersOf(await upstream.request(), 'X-Forwarded-For'), [
    '203.0.113.7',
    '10.0.0.1',
    '127.0.0.1',
  ]);
});

const chains: readonly [chain: string, client: string][] = [
  ['1.2.3.4, 203.0.113.7, 10.1.1.1', '203.0.113.7'],
  ['203.0.113.7', '203.0.113.7'],
  ['10.1.1.1, 10.2.2.2', '10.1.1.1'],
  ['spoofed, 203.0.113.7', '203.0.113.7'],
  ['1.2.3.4, rubbish', '127.0.0.1'],
  ['2001:db8::1', '2001:db8::1'],
];

test('the client is counted from the right over trusted hops', async (t) => {
  const { port, gateway } = await behindGateway(t, undefined, TRUSTING);
  for (const [index, [chain, client]] of chains.entries()) {
    await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', `X-Forwarded-For: ${chain}`));
    assert.equal((await gateway.record(index)).client, client, chain);
  }
});

test('an absolute-form target’s authority replaces Host (RFC 9112 section 3.2.2)', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const targets = [
    'http://other.example:81/goods?x=1',
    'HTTP://other.example:81',
    'http://other.example:81?x=1',
  ];
  for (const target of targets) {
    assert.equal(
      (await rawRequest(port, head(`GET ${target} HTTP/1.1`, 'Host: ignored'))).status,
      200,
      target,
    );
  }
  assert.deepEqual(
    upstream.requests.map((request) => request.startLine),
    ['GET /goods?x=1 HTTP/1.1', 'GET / HTTP/1.1', 'GET /?x=1 HTTP/1.1'],
  );
  for (const request of upstream.requests) assert.equal(fieldOf(request, 'Host'), 'other.example:81');
});
