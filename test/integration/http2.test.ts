import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { selfSigned } from '../support/certificates.js';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient } from '../support/raw-client.js';
import { chunked, fieldOf, fieldsOf, head, ok } from '../support/raw-http.js';
import { answering, type UpstreamConnection } from '../support/raw-upstream.js';

// RFC 9113; on the port that takes HTTP/1.1 too.

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly rstCode: number;
}

function session(t: TestContext, port: number): ClientHttp2Session {
  const opened = connect(`http://127.0.0.1:${port}`);
  t.after(() => opened.destroy());
  opened.on('error', () => undefined);
  return opened;
}

/** Resolves when the stream has closed, however it did. */
async function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: Record<string, unknown> = {};
  let trailers: Record<string, unknown> = {};
  const pieces: Buffer[] = [];
  stream.on('response', (fields) => {
    headers = { ...fields };
  });
  stream.on('trailers', (fields) => {
    trailers = { ...fields };
  });
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  const { rstCode = 0 } = stream;
  return {
    status: Number(headers[':status']),
    headers,
    body: Buffer.concat(pieces).toString(),
    trailers,
    rstCode,
  };
}

test('a request of HTTP/2 reaches the endpoint as one of HTTP/1.1 that says where it came from', async (t) => {
  const { port, upstream, gateway } = await behindGateway(
    t,
    answering(ok('hello', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Connection: x-gone', 'X-Gone: 1')),
  );
  const client = session(t, port);
  const answer = await answerTo(
    client.request({
      ':path': '/goods?x=%2F',
      ':authority': 'shop.example',
      cookie: ['a=1', 'b=2'],
      'x-own': 'kept',
    }),
  );
  assert.deepEqual([answer.status, answer.body, answer.rstCode], [200, 'hello', 0]);
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(answer.headers['via'], '1.1 watchgate');
  assert.equal(answer.headers['x-gone'], undefined);
  assert.equal(answer.headers['connection'], undefined);
  const seen = await upstream.request();
  assert.equal(seen.startLine, 'GET /goods?x=%2F HTTP/1.1');
  assert.deepEqual(fieldsOf(seen, 'host'), ['shop.example']);
  assert.deepEqual(fieldsOf(seen, 'cookie'), ['a=1; b=2']);
  assert.equal(fieldOf(seen, 'via'), '2.0 watchgate');
  assert.equal(fieldOf(seen, 'x-own'), 'kept');
  assert.equal(fieldOf(seen, 'x-forwarded-proto'), 'http');
  assert.equal(seen.framing, 'none');
  const record = await gateway.record();
  assert.deepEqual([record.status, record.client, record.bytesOut], [200, '127.0.0.1', 5]);
});

test('HTTP/1.1 and HTTP/2 share a port, however slowly a client begins', async (t) => {
  const { port } = await behindGateway(t);
  const two = await RawClient.connect(port);
  for (const byte of PREFACE) await two.write(byte);
  await two.write(frame(4, 0, 0));
  const frameType = await two.until('a frame', () => (two.count >= 9 ? two.received()[3] : undefined));
  assert.equal(frameType, 4);
  const one = await RawClient.connect(port);
  for (const byte of 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n') await one.write(byte);
  assert.equal((await one.response()).status, 200);
});

test('bodies stream both ways, with a length and without', async (t) => {
  const script = async (connection: UpstreamConnection): Promise<void> => {
    for (
      let request = await connection.request();
      request !== undefined;
      request = await connection.request()
    )
      await connection.write(ok(`${request.body}`));
  };
  const { port } = await behindGateway(t, script);
  const client = session(t, port);
  const post = async (fields: Readonly<Record<string, string>>): Promise<string> => {
    const stream = client.request({ ':method': 'POST', ...fields });
    stream.write('first ');
    stream.end('second');
    return (await answerTo(stream)).body;
  };
  assert.equal(await post({}), 'first second');
  assert.equal(await post({ 'content-length': '12' }), 'first second');
});

test('interim responses, 100 Continue and trailers reach the client', async (t) => {
  const early = head('HTTP/1.1 103 Early Hints', 'Link: </style.css>; rel=preload');
  const final = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(['hello'], ['X-Sum: 5']);
  const { port } = await behindGateway(t, answering(early + final));
  const client = session(t, port);
  const stream = client.request({ ':method': 'POST', expect: '100-continue', te: 'trailers' });
  const interim: Record<string, unknown>[] = [];
  stream.on('headers', (fields) => interim.push({ ...fields }));
  await once(stream, 'continue');
  stream.end('body');
  const answer = await answerTo(stream);
  assert.deepEqual([answer.status, answer.body, answer.trailers['x-sum']], [200, 'hello', '5']);
  assert.deepEqual(
    interim.map((fields) => [fields[':status'], fields['link']]),
    [
      [100, undefined],
      [103, '</style.css>; rel=preload'],
    ],
  );
});

test('a response that breaks off resets its stream alone', async (t) => {
  const { port } = await behindGateway(t, async (connection) => {
    const request = await connection.request();
    if (request?.startLine.includes('/breaks') !== true) return connection.write(ok());
    await connection.write(head('HTTP/1.1 200 OK', 'Content-Length: 100'));
    await connection.write('some');
    connection.reset();
  });
  const client = session(t, port);
  const broken = await answerTo(client.request({ ':path': '/breaks' }));
  assert.deepEqual([broken.status, broken.rstCode], [200, constants.NGHTTP2_INTERNAL_ERROR]);
  assert.equal((await answerTo(client.request({ ':path': '/' }))).status, 200);
});

test('a client that resets its stream ends the request at the endpoint, and is logged as gone', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, async (connection) => {
    await connection.request();
  });
  const client = session(t, port);
  const stream = client.request({ ':path': '/' });
  stream.on('error', () => undefined);
  await upstream.request();
  stream.close(constants.NGHTTP2_CANCEL);
  await (await upstream.connection()).closed();
  const record = await gateway.record();
  assert.deepEqual([record.status, record.cause], [499, 'CLIENT_GONE']);
});

test('half a body is never sent on as a whole one, whether its stream ends or its connection', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection) => {
    await connection.request();
  });
  const breakOffs = [
    (stream: ClientHttp2Stream) => stream.destroy(new Error('cancelled')),
    (stream: ClientHttp2Stream) => stream.session?.destroy(),
  ];
  for (const [index, breakOff] of breakOffs.entries()) {
    const stream = session(t, port).request({ ':method': 'POST' });
    stream.on('error', () => undefined);
    stream.write('half');
    const connection = await upstream.connection(index);
    await connection.until('half a body', () => connection.received().includes('half') || undefined);
    breakOff(stream);
    await connection.closed();
  }
  assert.deepEqual(upstream.requests, []);
});

/** RFC 9113 section 4.1. */
function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload);
  const frameHead = Buffer.alloc(9);
  frameHead.writeUIntBE(body.length, 0, 3);
  frameHead.writeUInt8(type, 3);
  frameHead.writeUInt8(flags, 4);
  frameHead.writeUInt32BE(streamId, 5);
  return Buffer.concat([frameHead, body]);
}

test('half a body is no whole one for a client either that resets its stream without an error', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection) => {
    await connection.request();
  });
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  // POST http / a, in the tables of RFC 7541.
  const headers = frame(1, 4, 1, Buffer.from([0x83, 0x86, 0x84, 0x41, 1, 0x61]));
  await client.write(Buffer.concat([Buffer.from(PREFACE), frame(4, 0, 0), headers, frame(0, 0, 1, 'half')]));
  const connection = await upstream.connection();
  await connection.until('half a body', () => connection.received().includes('half') || undefined);
  await client.write(frame(3, 0, 1, Buffer.alloc(4)));
  await connection.closed();
  assert.deepEqual(upstream.requests, []);
});

test('what is malformed is refused or reset, and no endpoint hears of it', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = session(t, port);
  const other = await answerTo(client.request({ ':path': '/', ':authority': 'a', host: 'b' }));
  assert.equal(other.status, 400);
  assert.equal((await answerTo(client.request({ ':method': 'OPTIONS', ':path': '*' }))).status, 400);
  assert.equal((await answerTo(client.request({ ':path': '/a%2fb' }))).status, 400);
  const long = await answerTo(client.request({ ':path': '/', 'x-long': 'x'.repeat(20_000) }));
  assert.equal(long.rstCode, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  assert.equal((await answerTo(client.request({ ':method': 'CONNECT', ':authority': 'a:1' }))).status, 400);
  assert.deepEqual(upstream.requests, []);
});

test('an answer that does not wait for the body tells the client to stop sending it', async (t) => {
  const { port } = await behindGateway(t, undefined, routeAll('maxBody: 1KiB'));
  const client = session(t, port);
  const stream = client.request({ ':method': 'POST' });
  const answer = answerTo(stream);
  stream.write(Buffer.alloc(2_000));
  const { status, rstCode, body } = await answer;
  assert.deepEqual([status, rstCode], [413, constants.NGHTTP2_NO_ERROR]);
  assert.match(body, /PAYLOAD_TOO_LARGE/);
  assert.equal((await answerTo(client.request({ ':path': '/' }))).status, 200);
});

test('a flood of resets closes the connection (CVE-2023-44487)', async (t) => {
  const { port } = await behindGateway(t);
  const client = session(t, port);
  await once(client, 'remoteSettings');
  const closed = new Promise((resolve) => client.once('close', resolve));
  for (let count = 0; count < 1_500 && !client.destroyed; count += 1) {
    const stream = client.request({ ':path': '/refused%2f' });
    stream.on('error', () => undefined);
    stream.close(constants.NGHTTP2_CANCEL);
    if (count % 100 === 99) await new Promise(setImmediate);
  }
  await closed;
});

test('a gateway that leaves sends its clients away, and ends what is under way', async (t) => {
  const { port, gateway, upstream } = await behindGateway(
    t,
    async (connection) => {
      for (let seen = await connection.request(); seen !== undefined; seen = await connection.request())
        if (!seen.startLine.includes('/slow')) await connection.write(ok());
    },
    `drainDelay: 300ms\n${routeAll()}`,
  );
  const client = session(t, port);
  const slow = answerTo(client.request({ ':path': '/slow' }));
  const connection = await upstream.connection();
  await upstream.request();
  const drained = gateway.drain();
  const sentAway = once(client, 'goaway');
  assert.equal((await answerTo(client.request({ ':path': '/' }))).status, 200);
  const [code, lastStream] = await sentAway;
  assert.deepEqual([code, lastStream], [constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1]);
  const closed = once(client, 'close');
  await connection.write(ok('late'));
  assert.equal((await slow).body, 'late');
  await closed;
  await drained;
});

test('a body that does not come is waited for as long as receiveTimeout, an idle connection as long as keepAliveTimeout', async (t) => {
  const { port } = await behindGateway(
    t,
    undefined,
    `server: { receiveTimeout: 100ms, keepAliveTimeout: 200ms }\n${routeAll()}`,
  );
  const client = session(t, port);
  const closed = once(client, 'close');
  const upload = client.request({ ':method': 'POST' });
  upload.write('half');
  const answer = await answerTo(upload);
  assert.equal(answer.status, 408);
  assert.match(answer.body, /REQUEST_TIMEOUT/);
  await closed;
});

test('curl and undici take HTTP/2 over TLS', async (t) => {
  const { certFile, keyFile, cert } = await selfSigned(t);
  const tls = `tls: { listen: 127.0.0.1:0, cert: ${certFile}, key: ${keyFile} }\n`;
  const { gateway, upstream } = await behindGateway(t, undefined, tls + routeAll());
  const url = `https://127.0.0.1:${gateway.tlsPort}/goods`;
  const agent = new Agent({ allowH2: true, connect: { ca: cert } });
  t.after(() => agent.close());
  const { statusCode, body } = await request(url, { dispatcher: agent, method: 'POST', body: 'hello' });
  assert.deepEqual([statusCode, await body.text()], [200, 'ok']);
  const { stdout } = await promisify(execFile)('curl', [
    '-s',
    '--http2',
    '--cacert',
    certFile,
    '-w',
    ' %{http_version}',
    url,
  ]);
  assert.equal(stdout, 'ok 2');
  for (const seen of [await upstream.request(0), await upstream.request(1)]) {
    assert.equal(fieldOf(seen, 'via'), '2.0 watchgate');
    assert.equal(fieldOf(seen, 'x-forwarded-proto'), 'https');
  }
});
