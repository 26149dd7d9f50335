import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';

interface Chat {
  readonly gateway: GatewayUnderTest;
  readonly server: WebSocketServer;
  readonly url: string;
}

/** A `ws` server, registered as `goods`, behind a gateway. It echoes what it gets. */
async function chat(t: TestContext, routes = routeAll()): Promise<Chat> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true });
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
  const gateway = await startGatewayUnderTest({ routes, services: { goods: [`127.0.0.1:${address.port}`] } });
  t.after(async () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    await gateway.close();
  });
  return { gateway, server, url: `ws://127.0.0.1:${gateway.port}/chat?room=1` };
}

async function message(socket: WebSocket): Promise<string> {
  const [data] = await once(socket, 'message');
  return String(data);
}

test('messages of either kind and any size go through a WebSocket both ways', async (t) => {
  const { url } = await chat(t);
  const socket = new WebSocket(url);
  await once(socket, 'open');
  for (const text of ['hello', '', 'x'.repeat(1_000_000)]) {
    socket.send(text);
    assert.equal(await message(socket), text);
  }
  socket.send(Buffer.from([0, 255, 10, 13]));
  const [data, isBinary] = await once(socket, 'message');
  assert.deepEqual([data, isBinary], [Buffer.from([0, 255, 10, 13]), true]);
  socket.terminate();
});

test('subprotocol and extensions are agreed between the ends', async (t) => {
  const { url, server } = await chat(t);
  server.options.handleProtocols = (offered) => (offered.has('superchat') ? 'superchat' : false);
  const socket = new WebSocket(url, ['chat', 'superchat'], { perMessageDeflate: true });
  await once(socket, 'open');
  assert.equal(socket.protocol, 'superchat');
  assert.match(socket.extensions, /^permessage-deflate/);
  socket.send('x'.repeat(10_000));
  assert.equal(await message(socket), 'x'.repeat(10_000));
  socket.terminate();
});

test('each end sees why the other closed', async (t) => {
  const { url, server } = await chat(t);
  const leaving = new WebSocket(url);
  const [accepted] = await Promise.all([once(server, 'connection'), once(leaving, 'open')]);
  const inner: WebSocket = accepted[0];
  leaving.close(4001, 'bye');
  const [innerCode, innerReason] = await once(inner, 'close');
  assert.deepEqual([innerCode, String(innerReason)], [4001, 'bye']);

  const left = new WebSocket(url);
  const [again] = await Promise.all([once(server, 'connection'), once(left, 'open')]);
  again[0].close(4002, 'go');
  const [code, reason] = await once(left, 'close');
  assert.deepEqual([code, String(reason)], [4002, 'go']);
});

test('an end that dies without a word takes the other with it', async (t) => {
  const { url, server } = await chat(t);
  const dying = new WebSocket(url);
  const [accepted] = await Promise.all([once(server, 'connection'), once(dying, 'open')]);
  dying.terminate();
  assert.equal((await once(accepted[0], 'close'))[0], 1006);

  const orphan = new WebSocket(url);
  const [again] = await Promise.all([once(server, 'connection'), once(orphan, 'open')]);
  again[0].terminate();
  assert.equal((await once(orphan, 'close'))[0], 1006);
});

test('a WebSocket is one request in the records, from its start to its end', async (t) => {
  const { url, gateway } = await chat(t);
  const socket = new WebSocket(url);
  await once(socket, 'open');
  assert.equal(gateway.requests.length, 0);
  socket.send('hello');
  await message(socket);
  socket.close();
  await once(socket, 'close');
  const record = await gateway.record();
  assert.deepEqual([record.status, record.cause, record.path], [101, undefined, '/chat']);
  assert.ok(record.bytesIn > 0 && record.bytesOut > 0);
});

test('a WebSocket that is silent both ways for longer than tunnelIdleTimeout is ended', async (t) => {
  const { url } = await chat(t, routeAll('tunnelIdleTimeout: 200ms'));
  const socket = new WebSocket(url);
  await once(socket, 'open');
  assert.equal((await once(socket, 'close'))[0], 1006);
});

test('a WebSocket outlives the timeouts of other requests', async (t) => {
  const { url } = await chat(t, routeAll('tryTimeout: 200ms', 'totalTimeout: 200ms', 'idleTimeout: 200ms'));
  const socket = new WebSocket(url);
  await once(socket, 'open');
  await new Promise((resolve) => setTimeout(resolve, 400));
  socket.send('still here');
  assert.equal(await message(socket), 'still here');
  socket.terminate();
});
