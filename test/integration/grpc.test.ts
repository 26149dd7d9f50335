import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Stream, connect, constants, type ServerHttp2Stream } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { type ClientReadableStream, type StatusObject, status } from '@grpc/grpc-js';
import { selfSigned } from '../support/certificates.js';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { EchoClient, startEcho } from '../support/grpc-service.js';
import { closed, rawEndpoint } from '../support/http2-endpoint.js';

// The gRPC protocol over HTTP/2: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

const MIB = 1024 ** 2;
const CALL = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

async function gatewayFor(
  t: TestContext,
  servers: readonly { readonly address: string }[],
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
  const end = await new Promise<StatusObject>((resolve) => stream.once('status', resolve));
  return { messages, end };
}

/** How many bytes a stream brings until it ends. */
async function received(stream: ClientHttp2Stream): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  return bytes;
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

test('a big message passes', async (t) => {
  const gateway = await gatewayFor(t, [await startEcho(t)]);
  const client = new EchoClient(t, gateway.port);
  const big = Buffer.alloc(8 * MIB, 'x');
  const reply = await client.unary(big);
  assert.equal(reply.message?.length, big.length + 'echo:'.length);
});

test('a client that stands still holds up its own stream alone, and nobody gathers for it', async (t) => {
  const piece = Buffer.alloc(MIB / 16);
  let taken = 0;
  const pour = (stream: ServerHttp2Stream, left: number): void => {
    if (left === 0) stream.end();
    else
      stream.write(piece, () => {
        taken += piece.length;
        pour(stream, left - piece.length);
      });
  };
  const { address, sessions } = await rawEndpoint(t, (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    pour(stream, 16 * MIB);
  });
  const gateway = await gatewayFor(t, [{ address }]);
  const client = connect(gateway.url);
  t.after(() => client.destroy());
  const call = () => client.request(CALL).end();
  const stands = call();
  await once(stands, 'response');
  assert.equal(await received(call()), 16 * MIB);
  // What is on its way: the windows of both connections' streams, and what the systems buffer.
  const early = taken - 16 * MIB;
  assert.ok(early < MIB, `${early} bytes were taken for a client that reads nothing`);
  assert.equal(await received(stands), 16 * MIB);
  assert.equal(sessions.items.length, 1);
});

test('a client that breaks off cancels at the endpoint, and half a request is never taken for a whole one', async (t) => {
  const { address, streams } = await rawEndpoint(t);
  const gateway = await gatewayFor(t, [{ address }]);
  const breakOffs = [
    (stream: ClientHttp2Stream) => stream.destroy(new Error('cancelled')),
    (stream: ClientHttp2Stream) => stream.session?.destroy(),
  ];
  for (const [index, breakOff] of breakOffs.entries()) {
    const client = connect(gateway.url);
    const call = client.request(CALL);
    call.on('error', () => undefined);
    call.write('half');
    const stream = await streams.nth(index);
    await once(stream, 'data');
    breakOff(call);
    // Node ends it too, but after this, unless the end has come over the wire.
    const first = await Promise.race(
      ['aborted', 'end'].map((event) => once(stream, event).then(() => event)),
    );
    assert.equal(first, 'aborted');
    await closed(stream);
    assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL);
    const { cause, status: recorded, tries } = await gateway.record(index);
    assert.deepEqual([cause, recorded, tries[0]?.outcome], ['CLIENT_GONE', 499, 'abandoned']);
    client.destroy();
  }
});

test('a deadline goes on with what is left of it, and the gateway holds the call to it', async (t) => {
  const { address, streams } = await rawEndpoint(t, (stream, headers) => {
    if (headers[':path'] === '/silent') return;
    stream.respond({
      ':status': 200,
      'content-type': 'application/grpc',
      'x-timeout': headers['grpc-timeout'],
    });
  });
  const gateway = await gatewayFor(t, [{ address }]);
  const client = connect(gateway.url);
  t.after(() => client.destroy());
  const call = { ...CALL, ':path': '/silent', 'grpc-timeout': '100m' };
  const silent = client.request(call, { endStream: true });
  const [head] = await once(silent, 'response');
  assert.deepEqual([head[':status'], head['grpc-status']], [200, '4']);
  assert.match(head['grpc-message'], /^DEADLINE_EXCEEDED: /);
  await closed(await streams.nth(0));
  assert.equal((await streams.nth(0)).rstCode, constants.NGHTTP2_CANCEL);

  const streaming = { ...call, ':path': '/streams', 'grpc-timeout': '1S' };
  const begun = client.request(streaming, { endStream: true });
  const trailers = once(begun, 'trailers');
  const [{ 'x-timeout': left }] = await once(begun, 'response');
  begun.resume();
  assert.match(left, /^\d{6}u$/);
  assert.ok(Number.parseInt(left, 10) < 1_000_000);
  assert.equal((await trailers)[0]['grpc-status'], '4');
  const record = await gateway.record(1);
  assert.deepEqual(
    [record.status, record.cause, record.tries[0]?.outcome],
    [504, 'DEADLINE_EXCEEDED', 'abandoned'],
  );
});

test('calls on one connection are spread over the endpoints, also over one that joins', async (t) => {
  const servers = await Promise.all(['one', 'two', 'three'].map((name) => startEcho(t, { name })));
  const gateway = await gatewayFor(t, servers.slice(0, 2));
  const client = new EchoClient(t, gateway.port);
  const namesOf = async (calls: number): Promise<string[]> => {
    const replies = await Promise.all(Array.from({ length: calls }, () => client.unary('')));
    return replies.map(({ trailers }) => String(trailers.get('x-server')[0]));
  };
  const count = (names: readonly string[], wanted: string) => names.filter((name) => name === wanted).length;
  const two = await namesOf(60);
  assert.ok(count(two, 'one') >= 20 && count(two, 'two') >= 20, two.join());
  gateway.setEndpoints(
    'goods',
    servers.map(({ address }) => address),
  );
  const three = await namesOf(90);
  for (const { name } of servers) assert.ok(count(three, name) >= 15, three.join());
});

test('an endpoint that leaves gets no new call, and ends those that it has', async (t) => {
  const [leaving, staying] = await Promise.all([
    startEcho(t, { name: 'leaving' }),
    startEcho(t, { name: 'staying' }),
  ]);
  const gateway = await gatewayFor(t, [leaving]);
  const client = new EchoClient(t, gateway.port);
  const chat = client.chat();
  chat.write(Buffer.from('one'));
  await once(chat, 'data');
  gateway.setEndpoints('goods', [staying.address]);
  assert.equal(String((await client.unary('')).message), 'staying:');
  chat.write(Buffer.from('two'));
  assert.equal(String((await once(chat, 'data'))[0]), 'two');
  chat.end();
  assert.equal((await collected(chat)).end.code, status.OK);
});

test('an endpoint that dies ends its calls with UNAVAILABLE, and the next go to the others', async (t) => {
  const [dying, living] = await Promise.all([
    startEcho(t, { name: 'dying' }),
    startEcho(t, { name: 'living' }),
  ]);
  const gateway = await gatewayFor(t, [dying]);
  const client = new EchoClient(t, gateway.port);
  const chat = client.chat();
  chat.write(Buffer.from('one'));
  await once(chat, 'data');
  const end = collected(chat);
  gateway.setEndpoints('goods', [dying.address, living.address]);
  dying.kill();
  const { code, details } = (await end).end;
  assert.equal(code, status.UNAVAILABLE);
  assert.match(details, /^UPSTREAM_RESET: /);
  for (let count = 0; count < 10; count += 1)
    assert.equal(String((await client.unary('')).message), 'living:');
});

test("the gateway's own failures are statuses of gRPC", async (t) => {
  const hanging = await startEcho(t, { unary: () => undefined });
  const gateway = await startGatewayUnderTest({
    routes: [
      'routes:',
      '  - { prefix: /test.Echo, service: goods, protocol: grpc, tryTimeout: 200ms }',
      '  - { prefix: /test.None, service: none, protocol: grpc }',
      '  - { prefix: /test.Full, service: full, protocol: grpc, maxBody: 3B }',
      'services: { full: { maxInFlight: 1, maxQueue: 0 } }',
      '',
    ].join('\n'),
    services: { goods: [hanging.address], full: [hanging.address], none: [] },
  });
  t.after(() => gateway.close());
  const client = new EchoClient(t, gateway.port);
  const failure = async (path: string, message = ''): Promise<[status, string]> => {
    const { code, details } = await client.unary(message, { path });
    return [code, details.split(':')[0] ?? ''];
  };
  assert.deepEqual(await failure('/other.Service/Method'), [status.UNIMPLEMENTED, 'NO_ROUTE']);
  assert.deepEqual(await failure('/test.None/Method'), [status.UNAVAILABLE, 'NO_ENDPOINT']);
  assert.deepEqual(await failure('/test.Echo/Unary'), [status.DEADLINE_EXCEEDED, 'UPSTREAM_TIMEOUT']);
  assert.deepEqual(await failure('/test.Full/Unary', 'large'), [
    status.RESOURCE_EXHAUSTED,
    'PAYLOAD_TOO_LARGE',
  ]);
  const statuses = gateway.requests.map((record) => `${record.status} ${record.cause}`);
  assert.deepEqual(statuses, [
    '404 NO_ROUTE',
    '503 NO_ENDPOINT',
    '504 UPSTREAM_TIMEOUT',
    '413 PAYLOAD_TOO_LARGE',
  ]);
  const old = await fetch(`${gateway.url}/test.Echo/Unary`, { method: 'POST' });
  assert.equal(old.status, 505);
  assert.match(await old.text(), /"code":"WRONG_PROTOCOL"/);
  await gateway.record(4);
  assert.deepEqual(
    gateway.requests.map(({ service }) => service),
    [undefined, 'none', 'goods', 'full', 'goods'],
  );
});

test('over TLS as without', async (t) => {
  const { certFile, keyFile, cert } = await selfSigned(t);
  const server = await startEcho(t);
  const gateway = await startGatewayUnderTest({
    routes: `tls: { listen: 127.0.0.1:0, cert: ${certFile}, key: ${keyFile} }\n${routeAll('protocol: grpc')}`,
    services: { goods: [server.address] },
  });
  t.after(() => gateway.close());
  const reply = await new EchoClient(t, gateway.tlsPort, cert).unary('hello');
  assert.deepEqual([reply.code, String(reply.message)], [status.OK, 'echo:hello']);
});
