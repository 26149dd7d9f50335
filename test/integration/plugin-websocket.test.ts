import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fastify } from 'fastify';
import { WebSocket, WebSocketServer } from 'ws';
import { watchgate } from '../../src/plugin.js';
import { startRegistryUnderTest } from '../support/registry-under-test.js';

/** An application with the gateway in it; `chat` is a WebSocket service that echoes. */
async function applicationWithChat(t: TestContext): Promise<string> {
  const registry = await startRegistryUnderTest(t);
  const chat = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(chat, 'listening');
  chat.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)));
  t.after(() => {
    for (const client of chat.clients) client.terminate();
    chat.close();
  });
  const bound = chat.address();
  assert.ok(typeof bound === 'object' && bound !== null);
  await registry.register('chat', `127.0.0.1:${bound.port}`);

  const app = fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  const routes = 'routes:\n  - { prefix: /chat, service: chat }\n';
  await app.register(watchgate, { config: `accessLog: off\nlogLevel: silent\n${registry.yaml}\n${routes}` });
  return (await app.listen({ host: '127.0.0.1', port: 0 })).replace('http:', 'ws:');
}

test('a WebSocket on a route of the gateway is tunnelled', async (t) => {
  const url = await applicationWithChat(t);
  const socket = new WebSocket(`${url}/chat`);
  t.after(() => socket.terminate());
  await once(socket, 'open');
  socket.send('hello');
  const [answer] = await once(socket, 'message');
  assert.equal(String(answer), 'echo hello');
});

test('a handshake for another path is a request that asks for nothing', async (t) => {
  const url = await applicationWithChat(t);
  const socket = new WebSocket(`${url}/elsewhere`);
  const [error] = await once(socket, 'error');
  assert.match(String(error), /404/);
});
