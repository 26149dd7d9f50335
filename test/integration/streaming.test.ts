import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient } from '../support/raw-client.js';
import { chunked, head, membersOf } from '../support/raw-http.js';
import { standstill, type Wire } from '../support/wire.js';

const GET = head('GET / HTTP/1.1', 'Host: a');
const MIB = 1024 * 1024;
const TOTAL = 64 * MIB;
/** More than two hops of kernel buffers hold, and far less than all of it. */
const IN_FLIGHT = 32 * MIB;

/** Writes as fast as the other end lets it, and counts what the kernel has taken. */
class Pour {
  readonly #wire: Wire;
  readonly done: Promise<void>;
  sent = 0;

  constructor(wire: Wire, total: number) {
    this.#wire = wire;
    this.done = this.#run(total);
  }

  async #run(total: number): Promise<void> {
    const piece = Buffer.alloc(64 * 1024, 'x');
    while (this.sent < total && this.#wire.state === 'open') {
      await this.#wire.write(piece);
      this.sent += piece.length;
    }
  }
}

test('a client that reads slowly slows the endpoint down, and gets everything in the end', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  client.socket.pause();
  await client.write(GET);
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(head('HTTP/1.1 200 OK', `Content-Length: ${TOTAL}`));
  const pour = new Pour(connection, TOTAL);
  const held = await standstill(() => pour.sent);
  assert.ok(held < IN_FLIGHT, `${held} bytes were taken from the endpoint while the client read nothing`);
  client.socket.resume();
  await client.until('the whole body', () => client.count > TOTAL || undefined);
  await pour.done;
  assert.equal((await gateway.record()).bytesOut, TOTAL);
});

test('an endpoint that reads slowly slows the client down, and gets everything in the end', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, ({ socket }) => void socket.pause());
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${TOTAL}`));
  const pour = new Pour(client, TOTAL);
  const connection = await upstream.connection();
  const held = await standstill(() => pour.sent);
  assert.ok(held < IN_FLIGHT, `${held} bytes were taken from the client while the endpoint read nothing`);
  connection.socket.resume();
  await connection.until('the whole body', () => connection.count > TOTAL || undefined);
  await pour.done;
  await connection.write(head('HTTP/1.1 204 No Content'));
  assert.equal((await client.response()).status, 204);
  assert.equal((await gateway.record()).bytesIn, TOTAL);
});

test('a response is passed on piece by piece while it is being made', async (t) => {
  for (const type of ['text/event-stream', 'text/plain']) {
    const { port, upstream } = await behindGateway(t, () => undefined);
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(GET);
    const connection = await upstream.connection();
    await connection.requestHead();
    await connection.write(head('HTTP/1.1 200 OK', `Content-Type: ${type}`, 'Transfer-Encoding: chunked'));
    for (const piece of ['data: one\n\n', 'data: two\n\n']) {
      await connection.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      await client.sees(piece);
    }
    await connection.write('0\r\n\r\n');
    assert.equal((await client.response()).body.toString(), 'data: one\n\ndata: two\n\n');
  }
});

test('the head of an event stream is passed on before its first event', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(GET);
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(head('HTTP/1.1 200 OK', 'Content-Type: text/event-stream'));
  await client.sees('text/event-stream');
});

test('an event stream may be silent for longer than other bodies', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined, routeAll('idleTimeout: 100ms'));
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(GET);
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(`${head('HTTP/1.1 200 OK', 'Content-Type: text/event-stream')}data: one\n\n`);
  await client.sees('data: one');
  await standstill(() => client.count, 300);
  assert.equal(client.state, 'open');
  await connection.write('data: two\n\n');
  await client.sees('data: two');
});

test('a request body is passed on piece by piece while it is being sent', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'));
  for (const [index, piece] of ['one', 'two', 'three'].entries()) {
    await client.write(`${piece.length}\r\n${piece}\r\n`);
    const connection = await upstream.connection();
    await connection.until(piece, () => connection.received().includes(piece) || undefined);
    assert.equal(upstream.connections.length, 1, String(index));
  }
});

test('both bodies may flow at once', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 6')}one`);
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(`${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}3\r\neen\r\n`);
  await client.sees('een');
  await client.write('two');
  await connection.until('the rest', () => connection.received().includes('onetwo') || undefined);
  await connection.write(`4\r\ntwee\r\n0\r\n\r\n`);
  assert.equal((await client.response()).body.toString(), 'eentwee');
});

test('a response that is complete before the request is relayed at once, and then the connection closes', async (t) => {
  const refusals = [
    `${head('HTTP/1.1 403 Forbidden', 'Connection: close', 'Content-Length: 2')}no`,
    head('HTTP/1.1 403 Forbidden', 'Connection: close', 'Transfer-Encoding: chunked') + chunked(['no']),
  ];
  const requests = [
    head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${TOTAL}`) + 'x'.repeat(MIB),
    head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') +
      chunked(['x'.repeat(MIB)]).slice(0, -5),
  ];
  for (const refusal of refusals) {
    const { port, upstream } = await behindGateway(t, async (connection) => {
      await connection.requestHead();
      await connection.write(refusal);
    });
    for (const bytes of requests) {
      const client = await RawClient.connect(port);
      t.after(() => client.destroy());
      const begun = performance.now();
      await client.write(bytes);
      const response = await client.response();
      assert.equal(response.status, 403);
      assert.equal(response.body.toString(), 'no');
      assert.deepEqual(membersOf(response, 'Connection'), ['close']);
      assert.equal(await client.closed(), 'ended', 'a reset could overtake the response');
      assert.ok(performance.now() - begun < 2_000, 'the end came late');
    }
    for (const connection of upstream.connections) await connection.closed();
  }
});

const early: Readonly<Record<string, readonly [status: number, routes: string]>> = {
  'an endpoint’s early response': [403, routeAll()],
  'a refusal of its length': [413, routeAll('maxBody: 1KiB')],
  'a refusal of its path': [404, 'routes: []\n'],
};

for (const [what, [status, routes]] of Object.entries(early)) {
  test(`a client that goes on sending after ${what} is read for a while, not reset`, async (t) => {
    const { port } = await behindGateway(
      t,
      async (connection) => {
        await connection.requestHead();
        await connection.write(`${head('HTTP/1.1 403 Forbidden', 'Content-Length: 2')}no`);
      },
      routes,
    );
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    // It reads nothing before it has sent all; a reset would take the response with it.
    client.socket.pause();
    await client.write(head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${8 * MIB}`));
    await new Pour(client, 8 * MIB).done;
    client.socket.resume();
    assert.equal((await client.response()).status, status);
    assert.equal(await client.closed(), 'ended');
  });
}
