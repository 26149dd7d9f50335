import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { fieldOf, fieldsOf, head } from '../support/raw-http.js';

// W3C Trace Context, sections 3.2 (traceparent) and 3.3 (tracestate).

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const VALID = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/;

test('a trace begun by the client goes on with the gateway as the parent', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t);
  const fields = [`traceparent: 00-${TRACE}-${PARENT}-01`, 'tracestate: rojo=1', 'tracestate: congo=2'];
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', ...fields));
  const seen = await upstream.request();
  const [traceparent = '', ...more] = fieldsOf(seen, 'traceparent');
  assert.deepEqual(more, []);
  assert.match(traceparent, VALID);
  const [, traceId, parentId, flags] = traceparent.split('-');
  assert.equal(traceId, TRACE);
  assert.notEqual(parentId, PARENT);
  assert.equal(flags, '01');
  assert.deepEqual(fieldsOf(seen, 'tracestate'), ['rojo=1', 'congo=2']);
  assert.equal(fieldOf(response, 'x-trace-id'), TRACE);
  assert.equal((await gateway.record()).traceId, TRACE);
});

test('a trace that is not sampled stays so', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', `traceparent: 00-${TRACE}-${PARENT}-00`));
  assert.match(
    fieldOf(await upstream.request(), 'traceparent') ?? '',
    new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`),
  );
});

test('a later version of traceparent is read as far as it is known', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(
    port,
    head('GET / HTTP/1.1', 'Host: a', `traceparent: cc-${TRACE}-${PARENT}-01-what-next`),
  );
  assert.match(fieldOf(await upstream.request(), 'traceparent') ?? '', new RegExp(`^00-${TRACE}-`));
});

const invalid = [
  [`traceparent: 00-${'0'.repeat(32)}-${PARENT}-01`],
  [`traceparent: 00-${TRACE}-${'0'.repeat(16)}-01`],
  [`traceparent: ff-${TRACE}-${PARENT}-01`],
  [`traceparent: 00-${TRACE.toUpperCase()}-${PARENT}-01`],
  [`traceparent: 00-${TRACE}-${PARENT}-01-more`],
  [`traceparent: 00-${TRACE}-${PARENT}`],
  [`traceparent: 00-${TRACE.slice(1)}-${PARENT}-01`],
  [`traceparent: cc-${TRACE}-${PARENT}-01.what`],
  ['traceparent: rubbish'],
  ['traceparent:'],
  [`traceparent: 00-${TRACE}-${PARENT}-01`, `traceparent: 00-${TRACE}-${PARENT}-01`],
];

test('a traceparent that is not valid is replaced, and its tracestate goes with it', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (const [index, fields] of invalid.entries()) {
    await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', ...fields, 'tracestate: rojo=1'));
    const seen = await upstream.request(index);
    const [traceparent = '', ...more] = fieldsOf(seen, 'traceparent');
    assert.match(traceparent, VALID, fields.join());
    assert.ok(!traceparent.includes(TRACE), fields.join());
    assert.deepEqual(more, [], fields.join());
    assert.deepEqual(fieldsOf(seen, 'tracestate'), [], fields.join());
  }
});

test('without a traceparent each request starts a trace of its own', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const shown = new Set<string | undefined>();
  for (let turn = 0; turn < 3; turn += 1) {
    const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
    const sent = fieldOf(await upstream.request(turn), 'traceparent')?.split('-')[1];
    assert.equal(fieldOf(response, 'x-trace-id'), sent);
    shown.add(sent);
  }
  assert.equal(shown.size, 3);
});
