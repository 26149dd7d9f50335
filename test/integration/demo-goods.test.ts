import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { goodsServer, type RequestLine } from '../../examples/goods/server.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

async function goods(t: TestContext) {
  const lines: RequestLine[] = [];
  const server = goodsServer((line) => lines.push(line)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const traceOf = async (init: RequestInit): Promise<unknown> => {
    const response = await fetch(`${origin}/goods/list?page=2`, init);
    assert.equal(response.status, 200);
    const body: unknown = await response.json();
    assert.ok(typeof body === 'object' && body !== null && 'trace_id' in body);
    assert.deepEqual(body, { code: 0, message: 'get goods list success', trace_id: body.trace_id });
    return body.trace_id;
  };
  return { lines, origin, traceOf };
}

test('goods answers with the trace id of traceparent, and logs it', async (t) => {
  const { lines, traceOf } = await goods(t);
  assert.equal(await traceOf({ headers: { traceparent: TRACEPARENT, 'x-trace-id': 'other' } }), TRACE_ID);
  const [line] = lines;
  assert.deepEqual(
    [line?.trace_id, line?.method, line?.path, line?.status],
    [TRACE_ID, 'GET', '/goods/list', 200],
  );
});

test('goods falls back to x-trace-id, then to one of its own', async (t) => {
  const { traceOf } = await goods(t);
  assert.equal(await traceOf({ headers: { traceparent: 'rubbish', 'x-trace-id': 'abc' } }), 'abc');
  assert.match(String(await traceOf({})), /^[0-9a-f]{32}$/);
});

test('goods answers a POST with the trace id of its JSON body', async (t) => {
  const { traceOf } = await goods(t);
  const post = (body: string) => traceOf({ method: 'POST', headers: { traceparent: TRACEPARENT }, body });
  assert.equal(await post('{"trace_id":"from-body"}'), 'from-body');
  assert.equal(await post('{"page":2}'), TRACE_ID);
  assert.equal(await post('not json'), TRACE_ID);
});

test('goods knows no other path', async (t) => {
  const { origin } = await goods(t);
  assert.equal((await fetch(`${origin}/goods/other`)).status, 404);
});
