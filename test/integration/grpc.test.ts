import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { type ClientReadableStream, type StatusObject, status } from '@grpc/grpc-js';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { EchoClient, type EchoServer, startEcho } from '../support/grpc-service.js';

// The gRPC protocol over HTTP/2: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

async function gatewayFor(
  t: TestContext,
  servers: readonly EchoServer[],
  ...policy: readonly string[]
): Promise<GatewayUnderTest> {
  const gateway = await startGatewayUnderTest({
    routes: routeAll('protocol: grpc', ...policy),
    services: { goods: servers.map(({ address }) => address) },
  });
  t.after(() => gateway.close());
  return gateway;
}

async function collected(
  stream: ClientReadableStream<Buffer>,
): Promise<{ messages: Buffer[]; end: StatusObject }> {
  const messages: Buffer[] = [];
  stream.on('data', (message: Buffer) => messages.push(message));
  stream.on('error', () => undefined);
  const [end] = await once(stream, 'status');
  return { messages, end };
}

test('a unary call reaches a server with its metadata, and its trailers come back', async (t) => {
  const server = await startEcho(t);
  const gateway = await gatewayFor(t, [server]);
  const client = new EchoClient(t, gateway.port);
  const reply = await client.unary('hello');
  assert.deepEqual([reply.code, String(reply.message)], [status.OK, 'echo:hello']);
  assert.deepEqual(reply.trailers.get('x-server'), ['echo']);
  assert.deepEqual(reply.initial.get('via'), ['2.0 watchgate']);
  const record = await gateway.record();
  assert.deepEqual(
    [record.method, record.path, record.status, record.endpoint, record.cause],
    ['POST', '/test.Echo/Unary', 200, server.address, undefined],
  );
  assert.deepEqual(
    record.tries.map(({ outcome }) => outcome),
    ['ok'],
  );
});

test('messages stream in all four ways', async (t) => {
  const gateway = await gatewayFor(t, [await startEcho(t)]);
  const client = new EchoClient(t, gateway.port);
  const { messages, end } = await collected(client.repeat(Buffer.from('again')));
  assert.deepEqual([end.code, messages.length], [status.OK, 10]);

  const total = new Promise<Buffer | undefined>((resolve) => {
    const collect = client.collect(resolve);
    for (let count = 0; count < 5; count += 1) collect.write(Buffer.alloc(1_000));
    collect.end();
  });
  assert.equal(String(await total), '5000');

  const chat = client.chat();
  for (const word of ['one', 'two']) {
    chat.write(Buffer.from(word));
    const [answer] = await once(chat, 'data');
    assert.equal(String(answer), word);
  }
  chat.end();
  assert.equal((await collected(chat)).end.code, status.OK);
});
