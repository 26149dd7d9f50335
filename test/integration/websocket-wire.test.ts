import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { fieldOf, fieldsOf, head, membersOf, ok } from '../support/raw-http.js';
import { rawUpstream, type Script } from '../support/raw-upstream.js';
import { standstill } from '../support/wire.js';

// RFC 6455 section 4, "Opening Handshake".

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const FIELDS = [
  'Host: shop.example',
  'Upgrade: WebSocket',
  'Connection: keep-alive, Upgrade, X-Private',
  'X-Private: 1',
  `Sec-WebSocket-Key: ${KEY}`,
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: chat, superchat',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  'Origin: http://shop.example',
];
const HANDSHAKE = head('GET /chat?room=1 HTTP/1.1', ...FIELDS);
const SWITCHED = head(
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade, X-Private',
  'X-Private: 2',
  `Sec-WebSocket-Accept: ${ACCEPT}`,
  'Sec-WebSocket-Protocol: chat',
);

const accepting: Script = async (connection) => {
  await connection.request();
  await connection.write(SWITCHED);
};

/** Takes the handshake and answers these bytes. */
function refusing(answer: string): Script {
  return async (connection) => {
    await connection.request();
    await connection.write(answer);
  };
}

test('the endpoint sees the client’s handshake, with the gateway’s own fields', async (t) => {
  const { port, upstream } = await behindGateway(t, accepting);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(HANDSHAKE);
  await client.response();
  const seen = await upstream.request();
  assert.equal(seen.startLine, 'GET /chat?room=1 HTTP/1.1');
  assert.deepEqual(fieldsOf(seen, 'Host'), ['shop.example']);
  assert.deepEqual(
    fieldsOf(seen, 'Upgrade').map((value) => value.toLowerCase()),
    ['websocket'],
  );
  assert.deepEqual(
    membersOf(seen, 'Connection').map((option) => option.toLowerCase()),
    ['upgrade'],
  );
  assert.deepEqual(fieldsOf(seen, 'X-Private'), []);
  for (const line of FIELDS.slice(4)) {
    const [name = '', value] = line.split(': ');
    assert.deepEqual(fieldsOf(seen, name), [value], name);
  }
  assert.deepEqual(fieldsOf(seen, 'X-Forwarded-For'), ['127.0.0.1']);
  assert.deepEqual(membersOf(seen, 'Via'), ['1.1 watchgate']);
  assert.equal(fieldsOf(seen, 'traceparent').length, 1);
});

test('the client sees the endpoint’s agreement', async (t) => {
  const { port } = await behindGateway(t, accepting);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(HANDSHAKE);
  const response = await client.response();
  assert.equal(response.status, 101);
  assert.deepEqual(fieldsOf(response, 'Sec-WebSocket-Accept'), [ACCEPT]);
  assert.deepEqual(fieldsOf(response, 'Sec-WebSocket-Protocol'), ['chat']);
  assert.equal(fieldOf(response, 'Upgrade')?.toLowerCase(), 'websocket');
  assert.deepEqual(
    membersOf(response, 'Connection').map((option) => option.toLowerCase()),
    ['upgrade'],
  );
  assert.deepEqual(fieldsOf(response, 'X-Private'), []);
  assert.equal(fieldsOf(response, 'x-trace-id').length, 1);
});

test('bytes sent right behind either side of the handshake are not lost', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection) => {
    await connection.request();
    await connection.write(`${SWITCHED}from the endpoint`);
  });
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(`${HANDSHAKE}from the client`);
  assert.equal((await client.response()).status, 101);
  await client.sees('from the endpoint');
  const connection = await upstream.connection();
  await connection.until(
    'the client’s bytes',
    () => connection.received().includes('from the client') || undefined,
  );
});

test('an endpoint’s refusal is relayed as it is', async (t) => {
  const refusal = `${head('HTTP/1.1 401 Who are you', 'WWW-Authenticate: Basic realm="x"', 'Content-Length: 4')}no!\n`;
  const { port, gateway } = await behindGateway(t, refusing(refusal));
  const response = await rawRequest(port, HANDSHAKE);
  assert.equal(response.startLine, 'HTTP/1.1 401 Who are you');
  assert.equal(fieldOf(response, 'WWW-Authenticate'), 'Basic realm="x"');
  assert.equal(response.body.toString(), 'no!\n');
  assert.deepEqual(fieldsOf(response, 'Upgrade'), []);
  assert.equal((await gateway.record()).status, 401);
});

test('an endpoint that answers as if nothing had been asked is relayed, in chunks and to its close too', async (t) => {
  const answers = [
    ok('plain'),
    `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5\r\nplain\r\n0\r\n\r\n`,
  ];
  for (const answer of answers) {
    const { port } = await behindGateway(t, refusing(answer));
    const response = await rawRequest(port, HANDSHAKE);
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), 'plain');
  }
});

test('a WebSocket that cannot be had is answered before any upgrade', async (t) => {
  const silent = await rawUpstream(() => undefined);
  const rubbish = await rawUpstream(refusing('SSH-2.0-OpenSSH\r\n\r\n'));
  const breaking = await rawUpstream(async (connection) => {
    await connection.request();
    connection.reset();
  });
  t.after(() => Promise.all([silent.close(), rubbish.close(), breaking.close()]));
  const gateway = await startGatewayUnderTest({
    routes: ['none', 'refused', 'silent', 'rubbish', 'breaking']
      .map((name) => `  - { prefix: /${name}, service: ${name}, tryTimeout: 200ms }\n`)
      .reduce((all, line) => all + line, 'routes:\n'),
    services: {
      refused: ['127.0.0.1:1'],
      silent: [silent.address],
      rubbish: [rubbish.address],
      breaking: [breaking.address],
    },
  });
  t.after(() => gateway.close());
  const expected = {
    '/nowhere': [404, 'NO_ROUTE'],
    '/none': [503, 'NO_ENDPOINT'],
    '/refused': [502, 'CONNECT_FAILED'],
    '/silent': [504, 'UPSTREAM_TIMEOUT'],
    '/rubbish': [502, 'BAD_UPSTREAM_RESPONSE'],
    '/breaking': [502, 'UPSTREAM_RESET'],
  };
  for (const [path, [status, code]] of Object.entries(expected)) {
    const response = await rawRequest(gateway.port, head(`GET ${path} HTTP/1.1`, ...FIELDS));
    assert.equal(response.status, status, path);
    assert.equal(fieldOf(response, 'content-type'), 'application/problem+json', path);
    assert.ok(response.body.includes(`"code":"${code}"`), path);
  }
});

test('a handshake with content is refused: where that ends, the two ends might not agree on', async (t) => {
  const { port, upstream } = await behindGateway(t, accepting);
  for (const [field, content] of [
    ['Content-Length: 30', 'x'.repeat(30)],
    ['Transfer-Encoding: chunked', '2\r\nxx\r\n0\r\n\r\n'],
  ] as const) {
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(head('GET /chat HTTP/1.1', ...FIELDS, field) + content);
    const response = await client.response();
    assert.equal(response.status, 400, field);
    assert.ok(response.body.includes('"code":"BAD_REQUEST"'), field);
    await client.closed();
    assert.equal(client.rest().length, 0);
  }
  assert.equal(upstream.connections.length, 0);
});

test('an Upgrade in HTTP/1.0 is ignored (RFC 9110 section 7.8)', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (const [connection, kept] of [
    ['Upgrade', false],
    ['keep-alive, Upgrade', true],
  ] as const) {
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    const fields = FIELDS.map((line) =>
      line.startsWith('Connection:') ? `Connection: ${connection}` : line,
    );
    await client.write(head('GET /chat HTTP/1.0', ...fields));
    const response = await client.response();
    assert.equal(response.status, 200);
    assert.deepEqual(membersOf(response, 'Connection'), [kept ? 'keep-alive' : 'close']);
    if (!kept) await client.closed();
  }
  for (const seen of upstream.requests) assert.deepEqual(fieldsOf(seen, 'Upgrade'), []);
  assert.equal(upstream.requests.length, 2);
});

test('a refused connection is tried at another endpoint', async (t) => {
  const upstream = await rawUpstream(accepting);
  t.after(() => upstream.close());
  const addresses = ['127.0.0.1:1', upstream.address];
  const gateway = await startGatewayUnderTest({ routes: routeAll(), services: { goods: addresses } });
  t.after(() => gateway.close());
  for (let turn = 0; turn < 6; turn += 1)
    assert.equal((await rawRequest(gateway.port, HANDSHAKE)).status, 101);
});

test('a client that leaves while the endpoint thinks ends the handshake there', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  await client.write(HANDSHAKE);
  const connection = await upstream.connection();
  await connection.requestHead();
  client.destroy();
  await connection.closed();
  assert.equal((await gateway.record()).cause, 'CLIENT_GONE');
});

test('a FIN of either end reaches the other', async (t) => {
  const { port, upstream } = await behindGateway(t, accepting);
  for (const leaver of ['client', 'endpoint'] as const) {
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(HANDSHAKE);
    await client.response();
    const connection = upstream.connections.at(-1);
    assert.ok(connection);
    const [leaving, staying] = leaver === 'client' ? [client, connection] : [connection, client];
    await leaving.write('last words');
    leaving.end();
    await staying.closed();
    assert.ok(staying.received().includes('last words'), leaver);
  }
});

test('a tunnel has backpressure both ways', async (t) => {
  const { port, upstream } = await behindGateway(t, accepting);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(HANDSHAKE);
  await client.response();
  const connection = await upstream.connection();
  const total = 64 * 1024 * 1024;
  for (const [writer, reader] of [
    [client, connection],
    [connection, client],
  ] as const) {
    reader.socket.pause();
    const before = reader.count;
    let sent = 0;
    const piece = Buffer.alloc(64 * 1024);
    const pouring = (async () => {
      for (; sent < total; sent += piece.length) await writer.write(piece);
    })();
    const held = await standstill(() => sent);
    assert.ok(held < total / 2, `${held} bytes were taken while nobody read`);
    reader.socket.resume();
    await reader.until('everything', () => reader.count - before >= total || undefined);
    await pouring;
  }
});

const OTHER: Readonly<Record<string, readonly string[]>> = {
  h2c: ['Upgrade: h2c'],
  'two protocols': ['Upgrade: websocket, h2c'],
  'two protocols on two lines': ['Upgrade: websocket', 'Upgrade: websocket'],
  'one that it does not name': [],
};

for (const [what, upgrade] of Object.entries(OTHER)) {
  test(`an endpoint that switches to ${what} instead: 502 BAD_UPSTREAM_RESPONSE`, async (t) => {
    const switched = head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', ...upgrade);
    const { port, upstream, gateway } = await behindGateway(t, refusing(switched));
    const response = await rawRequest(port, HANDSHAKE);
    assert.equal(response.status, 502);
    assert.match(response.body.toString(), /"code":"BAD_UPSTREAM_RESPONSE"/);
    await (await upstream.connection()).closed();
    const { cause, tries } = await gateway.record();
    assert.deepEqual(
      [cause, tries.map(({ outcome }) => outcome)],
      ['BAD_UPSTREAM_RESPONSE', ['bad-response']],
    );
  });
}
