import assert from 'node:assert/strict';
import { type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { behindGateway, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { chunked, head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';

// What endpoints send that HTTP/1.1 lets pass, and HTTP/2 or Node's part of it does not.

/** Of a client that takes large heads. */
const LARGE = { maxHeaderListPairs: 20_000, settings: { maxHeaderListSize: 1024 ** 2 } };

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly interim: readonly IncomingHttpHeaders[];
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  readonly rstCode: number;
}

async function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const interim: IncomingHttpHeaders[] = [];
  let body = '';
  stream.on('response', (fields) => {
    headers = fields;
  });
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  stream.on('headers', (fields) => interim.push(fields));
  stream.on('data', (piece: Buffer) => {
    body += piece.toString();
  });
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  return { headers, interim, body, trailers, rstCode: stream.rstCode ?? 0 };
}

/** Two requests on one connection, to see that the first leaves it usable; the answer to the first. */
async function ask(
  t: TestContext,
  port: number,
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${port}`, LARGE);
  t.after(() => session.destroy());
  session.on('error', () => undefined);
  const answer = await answerTo(session.request({ ':path': '/', te: 'trailers', ...fields }));
  const next = await answerTo(session.request({ ':path': '/next' }));
  assert.equal(next.headers[':status'], 200);
  return answer;
}

/** An endpoint that answers `answer` to all but what comes after it. */
const once = (answer: string) =>
  answering((request) => (request.startLine.includes('/next') ? ok() : answer));

const DOUBLED = [
  'Date: Mon, 05 Oct 2026 10:00:00 GMT',
  'Date: x',
  'Etag: "a"',
  'Etag: "b"',
  'Vary: a',
  'Vary: b',
];

test('a field of one value that is repeated is told once, and other fields keep all of theirs', async (t) => {
  const { port } = await behindGateway(
    t,
    once(ok('hi', ...DOUBLED, 'Content-Encoding: a', 'Content-Encoding: b')),
  );
  const { headers, body } = await ask(t, port);
  assert.deepEqual([headers[':status'], headers.etag, headers.vary, body], [200, '"a"', 'a, b', 'hi']);
  assert.deepEqual([headers.date, headers['content-encoding']], ['Mon, 05 Oct 2026 10:00:00 GMT', 'a, b']);
});

test('so it is in an interim response and in trailers', async (t) => {
  const early = head('HTTP/1.1 103 Early Hints', 'Link: </a>', ...DOUBLED);
  const final = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(['hi'], DOUBLED);
  const { port } = await behindGateway(t, once(early + final));
  const { headers, interim, body, trailers } = await ask(t, port);
  assert.deepEqual(
    interim.map((fields) => [fields[':status'], fields['link'], fields.etag, fields.vary]),
    [[103, '</a>', '"a"', 'a, b']],
  );
  assert.deepEqual([headers[':status'], body, trailers.etag, trailers.vary], [200, 'hi', '"a"', 'a, b']);
});

test('names that mean something in JavaScript are names like any other', async (t) => {
  const fields = ['__proto__: a', 'constructor: b', 'toString: c'];
  const final = head('HTTP/1.1 200 OK', ...fields, 'Transfer-Encoding: chunked') + chunked(['hi'], fields);
  const { port } = await behindGateway(t, once(final));
  const { headers, trailers } = await ask(t, port);
  for (const found of [headers, trailers])
    assert.deepEqual([found['constructor'], found['tostring']], ['b', 'c']);
});

for (const status of [600, 999]) {
  test(`a status of ${status} is relayed to HTTP/1.1 as it is, and is a 502 BAD_UPSTREAM_RESPONSE to HTTP/2`, async (t) => {
    const answer = head(`HTTP/1.1 ${status} What`, 'Content-Length: 2');
    const { port, gateway, upstream } = await behindGateway(t, once(`${answer}hi`));
    const { headers, body } = await ask(t, port);
    assert.equal(headers[':status'], 502);
    assert.match(body, /"code":"BAD_UPSTREAM_RESPONSE"/);
    const { cause, tries } = await gateway.record();
    assert.equal(cause, 'BAD_UPSTREAM_RESPONSE');
    assert.deepEqual(
      tries.map(({ outcome }) => outcome),
      ['bad-response'],
    );
    await (await upstream.connection()).closed();
    await assert.rejects(
      rawRequest(port, head('GET / HTTP/1.1', 'Host: a')),
      new RegExp(`HTTP/1.1 ${status} What`),
    );
  });
}

test('the other endpoint is asked after a status that HTTP/2 has not', async (t) => {
  const [bad, good] = [
    await rawUpstream(answering(head('HTTP/1.1 600 X', 'Content-Length: 0'))),
    await rawUpstream(),
  ];
  t.after(() => Promise.all([bad.close(), good.close()]));
  const gateway = await startGatewayUnderTest({
    routes: `${routeAll()}services: { goods: { balance: round-robin } }\n`,
    services: { goods: [bad.address, good.address] },
  });
  t.after(() => gateway.close());
  for (let turn = 0; turn < 2; turn += 1) assert.equal((await ask(t, gateway.port)).headers[':status'], 200);
});

const AS_IT_IS: Readonly<Record<string, string>> = {
  'bytes beyond ASCII in fields and reason': ok('hi', 'X-A: caf\xe9\tx', 'X-B: \xff').replace('OK', '\xe9'),
  'empty values': ok('hi', 'X-A:', 'Date:', 'Content-Type:'),
  'fields of one connection': ok(
    'hi',
    'Keep-Alive: a',
    'Proxy-Connection: a',
    'HTTP2-Settings: a',
    'TE: gzip',
    'Upgrade: h2c',
  ),
  'a length with zeros before it': `${head('HTTP/1.1 200 OK', 'Content-Length: 0002')}hi`,
  'a reset of the form that has content': `${head('HTTP/1.1 205 Reset', 'Content-Length: 2')}hi`,
  'a response to nothing, with a type': head(
    'HTTP/1.1 204 X',
    'Trailer: a',
    'Content-Type: a',
    'Content-Length: 3',
  ),
  'a 304 with a length and Trailer': head('HTTP/1.1 304 X', 'Trailer: a', 'Content-Length: 3'),
  'trailers that break rules':
    head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') +
    chunked(['hi'], ['Host: a', 'TE: b', 'Upgrade: c', 'Keep-Alive: d']),
  'an expectation': ok('hi', 'Expect: 100-continue'),
};

for (const [what, answer] of Object.entries(AS_IT_IS)) {
  test(`a response with ${what} reaches clients of both protocols`, async (t) => {
    const { port } = await behindGateway(t, once(answer));
    const status = Number(answer.slice(9, 12));
    for (const method of ['GET', 'HEAD'])
      assert.equal((await ask(t, port, { ':method': method })).headers[':status'], status);
    const fields = ['Host: a', 'TE: trailers', 'Connection: TE'];
    for (const start of ['GET / HTTP/1.1', 'HEAD / HTTP/1.1', 'GET / HTTP/1.0'])
      assert.equal((await rawRequest(port, head(start, ...fields))).status, status);
  });
}

test('whatever of a head fits server.maxHeaderSize reaches the client', async (t) => {
  const large = Array.from({ length: 10 }, (_, index) => `X-${index}: ${'\x80'.repeat(9_000)}`);
  const many = Array.from({ length: 10_000 }, (_, index) => `${index}:`);
  for (const fields of [large, many]) {
    const answers = [
      ok('hi', ...fields),
      head('HTTP/1.1 103 Early Hints', ...fields) + ok('hi'),
      head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(['hi'], fields),
    ];
    for (const answer of answers) {
      const { port } = await behindGateway(
        t,
        once(answer),
        `server: { maxHeaderSize: 256KiB }\n${routeAll()}`,
      );
      const { headers, interim, trailers, body } = await ask(t, port);
      assert.deepEqual([headers[':status'], body], [200, 'hi']);
      const arrived = [headers, trailers, ...interim].filter(
        (found) => Object.keys(found).length >= fields.length,
      );
      assert.equal(arrived.length, 1);
    }
  }
});
