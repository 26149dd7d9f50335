import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { fastify } from 'fastify';
import { watchgate } from '../../src/plugin.js';
import { whenItsTurn } from '../../src/proxy/client-order.js';
import { behindGateway } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { rawUpstream, type Script } from '../support/raw-upstream.js';
import { startRegistryUnderTest } from '../support/registry-under-test.js';
import { listenOnLoopback } from '../support/wire.js';

// A WebSocket handshake behind other requests on one connection (RFC 9112 section 9.3.2).

const NEXT = head('GET /next HTTP/1.1', 'Host: a');
const HANDSHAKE = head(
  'GET /chat HTTP/1.1',
  'Host: a',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
);
const SWITCHED = head(
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
);

interface Chat {
  readonly script: Script;
  /** Answers the request for `/held`. */
  readonly release: () => void;
}

/** Agrees to handshakes with these bytes and sends back what comes then; answers `ok`, and `/held` when it is released. */
function chat(agreement = SWITCHED): Chat {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const script: Script = async (connection) => {
    for (;;) {
      const request = await connection.request();
      if (request === undefined) return;
      if (request.startLine.includes('/held')) await released;
      const agrees = request.startLine.includes('/chat');
      await connection.write(agrees ? agreement : ok());
      if (agrees) connection.socket.pipe(connection.socket);
      if (agrees) return;
    }
  };
  return { script, release };
}

const befores: Readonly<Record<string, string>> = {
  'a GET': NEXT,
  'two of them': NEXT + NEXT,
  'a POST': `${head('POST /next HTTP/1.1', 'Host: a', 'Content-Length: 4')}body`,
  'another upgrade': head('GET /next HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: foo'),
};
for (const [what, before] of Object.entries(befores)) {
  test(`a handshake in one write with ${what} is served in its turn, and nothing behind it is lost`, async (t) => {
    const { port, gateway } = await behindGateway(t, chat().script);
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(`${before}${HANDSHAKE}hello`);
    const answers = before.split('HTTP/1.1').length;
    for (let left = answers; left > 1; left -= 1) assert.equal((await client.response()).status, 200);
    assert.equal((await client.response()).status, 101);
    await client.sees('hello');
    client.end();
    await client.closed();
    assert.equal((await gateway.record(answers - 1)).status, 101);
  });
}

test('a handshake that comes while a request is under way waits for it', async (t) => {
  const { script, release } = chat();
  const { port, upstream } = await behindGateway(t, script);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(`${head('POST /held HTTP/1.1', 'Host: a', 'Content-Length: 4')}body`);
  await upstream.request(0);
  await client.write(HANDSHAKE);
  assert.equal((await rawRequest(port, NEXT)).status, 200);
  await client.write('hello');
  assert.equal((await rawRequest(port, NEXT)).status, 200);
  assert.equal(client.count, 0);
  release();
  assert.equal((await client.response()).body.toString(), 'ok');
  assert.equal((await client.response()).status, 101);
  await client.sees('hello');
});

test('a handshake behind a request that was refused, with its connection, is ignored', async (t) => {
  const { port, upstream } = await behindGateway(t, chat().script);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('GET /%2f HTTP/1.1', 'Host: a') + HANDSHAKE);
  assert.equal((await client.response()).status, 400);
  await client.closed();
  assert.equal(client.rest().length, 0);
  assert.equal((await rawRequest(port, NEXT)).status, 200);
  assert.equal(upstream.requests.length, 1);
});

test('a client that leaves while its handshake waits ends the request before it', async (t) => {
  const { script, release } = chat();
  const { port, upstream, gateway } = await behindGateway(t, script);
  t.after(release);
  const client = await RawClient.connect(port);
  await client.write(head('GET /held HTTP/1.1', 'Host: a') + HANDSHAKE);
  await upstream.request(0);
  client.destroy();
  assert.equal((await gateway.record()).cause, 'CLIENT_GONE');
  assert.equal((await rawRequest(port, NEXT)).status, 200);
  assert.equal(upstream.requests.length, 2);
});

test('an endpoint’s refusal that is larger than any buffer reaches a client that reads slowly', async (t) => {
  const large = 'x'.repeat(16 * 1024 * 1024);
  const { port } = await behindGateway(t, chat(ok(large)).script);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  client.socket.pause();
  await client.write(NEXT + HANDSHAKE);
  assert.equal((await rawRequest(port, NEXT)).status, 200);
  client.socket.resume();
  assert.equal((await client.response()).status, 200);
  await client.until('all of it', () => client.count > large.length || undefined);
  const refusal = await client.response();
  assert.equal(refusal.status, 200);
  assert.equal(refusal.body.length, large.length);
});

test('in an application, behind a request that the application has not answered yet', async (t) => {
  const registry = await startRegistryUnderTest(t);
  const upstream = await rawUpstream(chat().script);
  t.after(() => upstream.close());
  await registry.register('chat', upstream.address);
  const app = fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  let answer = (): void => undefined;
  const mayAnswer = new Promise<void>((resolve) => {
    answer = resolve;
  });
  app.get('/own', async () => mayAnswer.then(() => 'own'));
  const routes = 'routes:\n  - { prefix: /chat, service: chat }\n';
  await app.register(watchgate, { config: `accessLog: off\nlogLevel: silent\n${registry.yaml}\n${routes}` });
  const client = await RawClient.connect(
    Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port),
  );
  t.after(() => client.destroy());
  await client.write(`${head('GET /own HTTP/1.1', 'Host: a')}${HANDSHAKE}hello`);
  answer();
  assert.equal((await client.response()).body.toString(), 'own');
  assert.equal((await client.response()).status, 101);
  await client.sees('hello');
});

test('a fault in what serves an upgrade costs its client the connection, not everyone the process', async (t) => {
  const server = createServer();
  t.after(() => server.close());
  server.on('upgrade', (_request, socket) => {
    assert.ok(socket instanceof Socket);
    whenItsTurn(socket, () => {
      throw new Error('overlooked');
    });
  });
  const client = await RawClient.connect(await listenOnLoopback(server));
  t.after(() => client.destroy());
  const warned = once(process, 'warning');
  await client.write(HANDSHAKE);
  await client.closed();
  const [warning] = await warned;
  assert.equal(warning.message, 'overlooked');
});
