import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { answerOk, type RawEndpoint, rawEndpoint } from '../support/http2-endpoint.js';
import { rawUpstream } from '../support/raw-upstream.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

// A call is tried again only when no endpoint has looked at it: RFC 9113 section 8.7, gRFC A6 ("transparent retries").

const CALL = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

interface Stage {
  readonly gateway: GatewayUnderTest;
  /** The status of a call with this body, and the code of its cause. */
  call(body?: string): Promise<string>;
}

/** So that one call after another meets every endpoint, whatever is drawn. */
const IN_TURN = 'services: { goods: { balance: round-robin } }\n';

async function stage(
  t: TestContext,
  endpoints: readonly Pick<RawEndpoint, 'address'>[],
  ...more: readonly string[]
): Promise<Stage> {
  const gateway = await startGatewayUnderTest({
    routes: [routeAll('protocol: grpc'), ...more].join(''),
    services: { goods: endpoints.map(({ address }) => address) },
  });
  t.after(() => gateway.close());
  const client = connect(gateway.url);
  t.after(() => client.destroy());
  return { gateway, call: (body) => statusOf(client, body) };
}

async function statusOf(client: ClientHttp2Session, body = 'hello'): Promise<string> {
  const stream = client.request(CALL);
  stream.on('error', () => undefined);
  stream.end(body);
  stream.resume();
  let fields: IncomingHttpHeaders = {};
  for (const event of ['response', 'trailers']) {
    stream.on(event, (found: IncomingHttpHeaders) => {
      fields = { ...fields, ...found };
    });
  }
  await new Promise((resolve) => stream.once('close', resolve));
  const [code] = String(fields['grpc-message'] ?? '').split(':');
  return `${fields['grpc-status']} ${code}`.trim();
}

test('a stream that an endpoint refuses goes to another one, with all of its body', async (t) => {
  const refusing = await rawEndpoint(t, (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
  const bodies: string[] = [];
  const taking = await rawEndpoint(t, (stream) => {
    let body = '';
    stream.on('data', (chunk) => {
      body += String(chunk);
    });
    stream.once('end', () => {
      bodies.push(body);
      answerOk(stream);
    });
  });
  const { call, gateway } = await stage(t, [refusing, taking]);
  const answers = await Promise.all(Array.from({ length: 4 }, () => call()));
  assert.deepEqual(new Set(answers), new Set(['0']));
  assert.deepEqual(new Set(bodies), new Set(['hello']));
  const tried = gateway.requests.find(({ tries }) => tries.length === 2)?.tries;
  assert.deepEqual(
    tried?.map(({ outcome, cause }) => [outcome, cause]),
    [
      ['reset', 'UPSTREAM_RESET'],
      ['ok', undefined],
    ],
  );
});

test('a call that an endpoint may have looked at is not tried again', async (t) => {
  const breaking = await rawEndpoint(t, (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  const other = await rawEndpoint(t, answerOk);
  const { call, gateway } = await stage(t, [breaking, other], IN_TURN);
  for (let count = 0; count < 6; count += 1) await call();
  assert.ok(gateway.requests.every(({ attempts }) => attempts === 1));
  assert.deepEqual(
    new Set(gateway.requests.map(({ cause }) => cause)),
    new Set(['UPSTREAM_RESET', undefined]),
  );
});

test('an endpoint that closes its connections in good order loses no call, though it be the only one', async (t) => {
  // Each connection takes two calls, then says so, as servers with a maximal connection age do.
  const ageing = await rawEndpoint(t, (stream, _headers, index) => {
    if (index % 2 === 1) stream.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
    setTimeout(() => answerOk(stream), 5);
  });
  const { call, gateway } = await stage(t, [ageing]);
  const answers: string[] = [];
  for (let round = 0; round < 5; round += 1) answers.push(...(await Promise.all([call(), call(), call()])));
  assert.deepEqual(new Set(answers), new Set(['0']));
  assert.ok(ageing.sessions.items.length > 3);
  assert.deepEqual(gateway.healthChanges, []);
});

test('an endpoint that refuses connections is passed over, and one that speaks no HTTP/2 too', async (t) => {
  // Nobody listens on port 1 of a machine that runs tests.
  const gone = { address: '127.0.0.1:1' };
  const old = await rawUpstream((connection) =>
    connection.write('HTTP/1.1 400 Bad Request\r\n\r\n').then(() => connection.end()),
  );
  t.after(() => old.close());
  const good = await rawEndpoint(t, answerOk);
  const { call, gateway } = await stage(t, [gone, old, good], IN_TURN);
  for (let count = 0; count < 10; count += 1) assert.equal(await call(), '0');
  const outcomes = gateway.requests.flatMap(({ tries }) => tries.map(({ outcome }) => outcome));
  assert.deepEqual(new Set(outcomes), new Set(['connect-failed', 'bad-response', 'ok']));
});

test('calls share a connection as far as the endpoint lets them, then wait, and no longer than queueTimeout', async (t) => {
  const waiting: (() => void)[] = [];
  const narrow = await rawEndpoint(t, (stream) => waiting.push(() => answerOk(stream)), {
    maxConcurrentStreams: 2,
  });
  const { call } = await stage(
    t,
    [narrow],
    'services: { goods: { maxConnections: 2, maxWaiting: 1, queueTimeout: 2s } }\n',
  );
  const first = [call(), call(), call(), call()];
  await narrow.streams.nth(3);
  assert.equal(narrow.sessions.items.length, 2);
  const fifth = call();
  // The first call that must wait is let in when another ends, and the one after it has no place in the queue.
  assert.equal(await call(), '8 OVERLOADED');
  waiting.shift()?.();
  await narrow.streams.nth(4);
  const late = call();
  assert.equal(await late, '8 OVERLOADED');
  for (const answer of waiting) answer();
  assert.deepEqual(new Set([...(await Promise.all(first)), await fifth]), new Set(['0']));
});

test('a connection to a host that has vanished is given up, and the next call takes another', async (t) => {
  const endpoint = await rawEndpoint(t, answerOk);
  const way = await startTcpProxy(endpoint.address);
  t.after(() => way.close());
  const times = 'defaults: { tryTimeout: 500ms, connectTimeout: 500ms, ejection: { enabled: false } }\n';
  const { call } = await stage(t, [way], times);
  assert.equal(await call(), '0');
  way.freeze();
  assert.equal(await call(), '4 UPSTREAM_TIMEOUT');
  const patience = AbortSignal.timeout(5_000);
  while ((await call()) !== '0') patience.throwIfAborted();
  assert.equal(way.accepted, 2);
});
