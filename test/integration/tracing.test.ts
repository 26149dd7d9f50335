import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { EventHub, type RequestRecord } from '../../src/core/events.js';
import { openTracing } from '../../src/observability/tracing.js';
import { routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import {
  type OtlpReceiver,
  otlpOverGrpc,
  otlpOverHttp,
  type ReceivedSpan,
} from '../support/otlp-receiver.js';
import { rawRequest } from '../support/raw-client.js';
import { fieldOf, fieldsOf, head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';
import { Sequence } from '../support/sequence.js';
import { listenOnLoopback } from '../support/wire.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

/** As the data path announces it. */
const RECORD: RequestRecord = {
  traceId: TRACE,
  at: 0,
  method: 'GET',
  path: '/',
  route: undefined,
  service: undefined,
  endpoint: undefined,
  status: 404,
  cause: 'NO_ROUTE',
  attempts: 0,
  durationMs: 1,
  upstreamMs: 0,
  bytesIn: 0,
  bytesOut: 0,
  client: '127.0.0.1',
  tries: [],
  span: {
    spanId: PARENT,
    parentId: undefined,
    traceState: undefined,
    scheme: 'http',
    host: undefined,
    peer: '127.0.0.1',
    peerPort: undefined,
    httpVersion: '1.1',
    userAgent: undefined,
    routePrefix: undefined,
    forwardedPath: undefined,
  },
};

/** The SDK reads the environment of the process, as operators set it. */
function setVariables(t: TestContext, variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  Object.assign(process.env, { OTEL_BSP_SCHEDULE_DELAY: '1' }, variables);
  t.after(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });
}

interface Traced {
  readonly port: number;
  /** Sends a request with these fields; resolves to the `traceparent` that reached the endpoint. */
  ask(...fields: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

async function traced(t: TestContext, collector: string, variables = {}): Promise<Traced> {
  setVariables(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    ...variables,
  });
  const upstream = await rawUpstream();
  t.after(() => upstream.close());
  const gateway = await startGatewayUnderTest({
    routes: routeAll(),
    services: { goods: [upstream.address] },
  });
  t.after(() => gateway.close());
  return {
    port: gateway.port,
    async ask(...fields) {
      const index = upstream.requests.length;
      await rawRequest(gateway.port, head('GET /list?secret=1 HTTP/1.1', 'Host: shop.example:81', ...fields));
      return fieldOf(await upstream.request(index), 'traceparent') ?? '';
    },
    close: () => gateway.close(),
  };
}

async function pairOf(
  receiver: OtlpReceiver,
  from = 0,
): Promise<[request: ReceivedSpan, attempt: ReceivedSpan]> {
  const spans = [await receiver.span(from), await receiver.span(from + 1)];
  const request = spans.find(({ kind }) => kind === SERVER);
  const attempt = spans.find(({ kind }) => kind === CLIENT);
  assert.ok(request !== undefined && attempt !== undefined);
  return [request, attempt];
}

test('a request becomes a span of the client, its attempt one below it, and the endpoint hears of the attempt', async (t) => {
  const receiver = await otlpOverHttp(t);
  const { ask } = await traced(t, receiver.url, {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=shop',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const sent = await ask(`traceparent: 00-${TRACE}-${PARENT}-01`, 'tracestate: rojo=1', 'User-Agent: tester');
  const [request, attempt] = await pairOf(receiver);

  assert.deepEqual([request.traceId, request.parentSpanId], [TRACE, PARENT]);
  assert.deepEqual([attempt.traceId, attempt.parentSpanId], [TRACE, request.spanId]);
  assert.equal(sent, `00-${TRACE}-${attempt.spanId}-01`);
  assert.deepEqual([request.traceState, attempt.traceState], ['rojo=1', 'rojo=1']);
  assert.ok(request.start <= attempt.start && attempt.start < attempt.end && attempt.end <= request.end);
  assert.deepEqual([request.name, attempt.name], ['GET /', 'GET']);
  assert.deepEqual([request.status, attempt.status], [0, 0]);

  const { 'network.peer.port': peerPort, ...attributes } = request.attributes;
  assert.equal(typeof peerPort, 'number');
  assert.deepEqual(attributes, {
    'http.request.method': 'GET',
    'url.path': '/list',
    'url.scheme': 'http',
    'http.route': '/',
    'http.response.status_code': 200,
    'server.address': 'shop.example',
    'server.port': 81,
    'client.address': '127.0.0.1',
    'network.peer.address': '127.0.0.1',
    'network.protocol.version': '1.1',
    'user_agent.original': 'tester',
    'watchgate.route': '/',
    'watchgate.service': 'goods',
    'watchgate.attempts': 1,
  });
  const { 'server.port': port, ...more } = attempt.attributes;
  assert.deepEqual(more, {
    'http.request.method': 'GET',
    'url.full': `http://127.0.0.1:${port}/list`,
    'server.address': '127.0.0.1',
    'network.peer.address': '127.0.0.1',
    'network.peer.port': port,
    'http.response.status_code': 200,
    'watchgate.service': 'goods',
    'watchgate.phase': 'settle',
    'watchgate.outcome': 'ok',
    'watchgate.connection.reused': false,
  });
  assert.equal(request.resource['service.name'], 'watchgate');
  assert.equal(request.resource['deployment.environment.name'], 'test');
  assert.equal(receiver.headers[0]?.['x-tenant'], 'shop');
});

test('a request that is tried again has a span for each attempt, and the endpoint that answers hears of its own', async (t) => {
  const receiver = await otlpOverHttp(t);
  setVariables(t, {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
    OTEL_SERVICE_NAME: 'front-door',
  });
  const failing = await rawUpstream(answering(ok('no').replace('200 OK', '503 Busy')));
  const good = await rawUpstream();
  t.after(() => Promise.all([failing.close(), good.close()]));
  const gateway = await startGatewayUnderTest({
    routes: routeAll('retryOn: [503]'),
    services: { goods: [failing.address, good.address] },
  });
  t.after(() => gateway.close());
  // Whichever is picked first: within a few requests it was the failing one.
  while (failing.requests.length === 0) await rawRequest(gateway.port, head('GET / HTTP/1.1', 'Host: a'));
  const retried = await gateway.record(gateway.requests.length - 1);
  const first = gateway.requests.slice(0, -1).length * 2;
  const spans = [await receiver.span(first), await receiver.span(first + 1), await receiver.span(first + 2)];

  const request = spans.find(({ kind }) => kind === SERVER);
  const [one, two] = spans.filter(({ kind }) => kind === CLIENT);
  assert.ok(request !== undefined && one !== undefined && two !== undefined);
  assert.equal(request.traceId, retried.traceId);
  assert.equal(request.parentSpanId, '');
  assert.equal(request.resource['service.name'], 'front-door');
  assert.deepEqual([one.parentSpanId, two.parentSpanId], [request.spanId, request.spanId]);
  assert.notEqual(one.spanId, two.spanId);
  assert.equal(fieldOf(await failing.request(), 'traceparent'), `00-${retried.traceId}-${one.spanId}-01`);
  const last = good.requests.length - 1;
  assert.equal(fieldOf(await good.request(last), 'traceparent'), `00-${retried.traceId}-${two.spanId}-01`);
  assert.deepEqual(
    [one, two].map(({ attributes, status }) => [
      attributes['http.response.status_code'],
      attributes['http.request.resend_count'],
      attributes['error.type'],
      status,
    ]),
    [
      [503, undefined, '503', ERROR],
      [200, 1, undefined, 0],
    ],
  );
  assert.deepEqual([request.attributes['watchgate.attempts'], request.status], [2, 0]);
});

test('what the gateway answers itself has a span too, with its cause as the error', async (t) => {
  const receiver = await otlpOverHttp(t);
  setVariables(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  const gateway = await startGatewayUnderTest({
    routes: 'routes:\n  - prefix: /goods\n    service: goods\n',
    services: {},
  });
  t.after(() => gateway.close());
  await rawRequest(gateway.port, head('GET /goods/1 HTTP/1.1', 'Host: a'));
  const unserved = await receiver.span(0);
  await rawRequest(gateway.port, head('PURGE /elsewhere HTTP/1.1', 'Host: a'));
  const unrouted = await receiver.span(1);
  assert.deepEqual(
    [unserved, unrouted].map(({ name, kind, status, attributes }) => [
      name,
      kind,
      status,
      attributes['http.response.status_code'],
      attributes['error.type'],
      attributes['watchgate.cause'],
    ]),
    [
      ['GET /goods', SERVER, ERROR, 503, 'NO_ENDPOINT', 'NO_ENDPOINT'],
      ['HTTP', SERVER, 0, 404, undefined, 'NO_ROUTE'],
    ],
  );
  assert.deepEqual(
    ['http.request.method', 'http.request.method_original', 'http.route'].map(
      (name) => unrouted.attributes[name],
    ),
    ['_OTHER', 'PURGE', undefined],
  );
});

test('a trace that its client did not sample is not sent, and the endpoint hears so', async (t) => {
  const receiver = await otlpOverHttp(t);
  const { ask, close } = await traced(t, receiver.url);
  assert.match(
    await ask(`traceparent: 00-${TRACE}-${PARENT}-00`),
    new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`),
  );
  const kept = await ask(`traceparent: 00-${'c'.repeat(32)}-${PARENT}-01`);
  await close();
  assert.deepEqual(new Set(receiver.spans.map(({ traceId }) => traceId)), new Set(['c'.repeat(32)]));
  assert.equal(kept.slice(-2), '01');
});

test('an invalid traceparent starts a trace with no parent, and takes its tracestate with it', async (t) => {
  const receiver = await otlpOverHttp(t);
  const { ask } = await traced(t, receiver.url);
  const sent = await ask(`traceparent: 00-${TRACE}-${'0'.repeat(16)}-01`, 'tracestate: rojo=1');
  const [request, attempt] = await pairOf(receiver);
  assert.notEqual(request.traceId, TRACE);
  assert.deepEqual([request.parentSpanId, request.traceState], ['', '']);
  assert.equal(sent, `00-${request.traceId}-${attempt.spanId}-01`);
});

test('OTEL_TRACES_SAMPLER decides, and what it decides goes on in the sampled flag', async (t) => {
  const receiver = await otlpOverHttp(t);
  const { ask, close } = await traced(t, receiver.url, {
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.5',
  });
  // The ratio is taken of the trace id, so that every gateway decides alike.
  const low = await ask(`traceparent: 00-${'0'.repeat(31)}1-${PARENT}-00`);
  const high = await ask(`traceparent: 00-ffffffff${'0'.repeat(24)}-${PARENT}-01`);
  await close();
  assert.deepEqual([low.slice(-2), high.slice(-2)], ['01', '00']);
  assert.deepEqual(new Set(receiver.spans.map(({ traceId }) => traceId)), new Set([`${'0'.repeat(31)}1`]));
});

test('baggage and a tracestate of several lines reach the endpoint as they came', async (t) => {
  const receiver = await otlpOverHttp(t);
  setVariables(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  const upstream = await rawUpstream();
  t.after(() => upstream.close());
  const gateway = await startGatewayUnderTest({
    routes: routeAll(),
    services: { goods: [upstream.address] },
  });
  t.after(() => gateway.close());
  const fields = [`traceparent: 00-${TRACE}-${PARENT}-01`, 'tracestate: rojo=1', 'tracestate: congo=2'];
  await rawRequest(
    gateway.port,
    head('GET / HTTP/1.1', 'Host: a', ...fields, 'baggage: user=a%20b;p=1, tier=2', 'baggage: c=3'),
  );
  const seen = await upstream.request();
  assert.deepEqual(fieldsOf(seen, 'baggage'), ['user=a%20b;p=1, tier=2', 'c=3']);
  assert.deepEqual(fieldsOf(seen, 'tracestate'), ['rojo=1', 'congo=2']);
  assert.equal((await receiver.span(0)).traceState, 'rojo=1,congo=2');
});

for (const [protocol, receive] of [
  ['http/protobuf', otlpOverHttp],
  ['grpc', otlpOverGrpc],
] as const) {
  test(`spans arrive over ${protocol} as well`, async (t) => {
    const receiver = await receive(t);
    const { ask } = await traced(t, receiver.url, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
    const sent = await ask();
    const [request, attempt] = await pairOf(receiver);
    assert.equal(sent, `00-${request.traceId}-${attempt.spanId}-01`);
    assert.deepEqual([request.attributes['url.path'], attempt.parentSpanId], ['/list', request.spanId]);
  });
}

test('what a stopping gateway still holds is sent', async (t) => {
  const receiver = await otlpOverHttp(t);
  const { ask, close } = await traced(t, receiver.url, { OTEL_BSP_SCHEDULE_DELAY: '60000' });
  await ask();
  assert.deepEqual(receiver.spans, []);
  await close();
  assert.equal(receiver.spans.length, 2);
});

test('a collector that never answers costs no request, and holds up no stop', async (t) => {
  const hanging = createServer();
  const port = await listenOnLoopback(hanging);
  const held = new Set<Socket>();
  hanging.on('connection', (socket) => held.add(socket.on('error', () => undefined)));
  t.after(() => {
    for (const socket of held) socket.destroy();
    hanging.close();
  });
  const { ask, close } = await traced(t, `http://127.0.0.1:${port}`, { OTEL_EXPORTER_OTLP_TIMEOUT: '500' });
  for (let turn = 0; turn < 20; turn += 1) assert.match(await ask(), /-01$/);
  assert.equal(held.size > 0, true);
  await close();
});

test('a collector that is down is complained of once', async (t) => {
  setVariables(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
  });
  const hub = new EventHub();
  const problems = new Sequence<string>('problem');
  const onProblem = (problem: string): void => problems.push(problem);
  const tracing = await openTracing(process.env, { hub, clock: systemClock, onProblem });
  hub.announce('request', RECORD);
  assert.match(await problems.nth(0), /^spans cannot be sent: /);
  hub.announce('request', RECORD);
  await tracing.close();
  assert.equal(problems.items.length, 1);
});
