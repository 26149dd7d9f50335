import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { standstill } from '../support/wire.js';

const silent = (): void => undefined;
const get = (path: string): string => head(`GET ${path} HTTP/1.1`, 'Host: a');
const ONE = `${routeAll()}services:\n  goods: { maxConnections: 1 }\n`;

test('a WebSocket that had to wait for a connection is given one that can be upgraded', async (t) => {
  const { port, upstream } = await behindGateway(t, silent, ONE);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(get('/first'));
  const kept = await upstream.connection(0);
  await kept.request();
  const socket = await RawClient.connect(port);
  t.after(() => socket.destroy());
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'];
  const key = ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'];
  await socket.write(head('GET /ws HTTP/1.1', 'Host: a', ...upgrade, ...key));
  await standstill(() => upstream.connections.length, 60);
  await kept.write(ok());
  await client.response();
  await standstill(() => upstream.connections.length, 60);
  const last = upstream.connections.at(-1);
  assert.ok(last);
  await last.requestHead();
  await last.write(head('HTTP/1.1 101 Switching Protocols', ...upgrade));
  assert.equal((await socket.response()).status, 101);
});

test('a request whose kept connection broke is sent again on a fresh one, though it had to wait', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, silent, ONE);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(get('/a'));
  const stale = await upstream.connection(0);
  await stale.request();
  await stale.write(ok());
  await client.response();
  await client.write(get('/b'));
  await stale.request();
  const other = await RawClient.connect(port);
  t.after(() => other.destroy());
  await other.write(get('/c'));
  await standstill(() => gateway.requests.length, 60);
  stale.reset();
  const next = await upstream.connection(1);
  await next.request(); // GET /c takes the place
  await next.write(ok());
  await upstream.connection(2);
  await standstill(() => upstream.connections.length, 100);
  assert.equal(upstream.connections.length, 3, 'GET /b has a connection of its own');
});
