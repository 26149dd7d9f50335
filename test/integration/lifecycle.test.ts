import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.js';
import { routeAll } from '../support/gateway-under-test.js';
import { RawClient, rawRequest, Truncated } from '../support/raw-client.js';
import { head, membersOf, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, rawUpstream, type Script } from '../support/raw-upstream.js';
import { startRegistryUnderTest } from '../support/registry-under-test.js';

const GET = head('GET / HTTP/1.1', 'Host: a');
const HELD = head('GET /held HTTP/1.1', 'Host: a');

/** Answers at once, except `/held`, which the test answers itself. */
const mostly: Script = async (connection, index) => {
  const { startLine } = await connection.requestHead();
  if (!startLine.includes('/held')) await answering(ok())(connection, index);
};

async function serving(
  t: TestContext,
  settings: string,
): Promise<{ gateway: GatewayProcess; upstream: RawUpstream }> {
  const upstream = await rawUpstream(mostly);
  t.after(() => upstream.close());
  const registry = await startRegistryUnderTest(t);
  await registry.register('goods', upstream.address);
  const gateway = await startGatewayProcess(t, `${registry.yaml}${settings}${routeAll()}`);
  await gateway.adminUntil('/readyz', (status) => status === 200);
  return { gateway, upstream };
}

/** A request that has reached the endpoint and waits for its answer. */
async function held(gateway: GatewayProcess, upstream: RawUpstream) {
  const client = await RawClient.connect(gateway.port);
  const index = upstream.connections.length;
  await client.write(HELD);
  const connection = await upstream.connection(index);
  await connection.requestHead();
  return { client, connection };
}

/** Of the lines of the access log: status and attempts of requests that the gateway's end has cut. */
function stopped(log: string): string[] {
  const lines = log.split('\n').filter((line) => line.includes('"code":"SHUTTING_DOWN"'));
  return lines.map((line) => JSON.parse(line)).map(({ status, attempts }) => `${status} ${attempts}`);
}

async function untilRefused(port: number): Promise<void> {
  for (let refused = false; !refused; ) {
    refused = await RawClient.connect(port).then(
      (client) => {
        client.destroy();
        return false;
      },
      () => true,
    );
  }
}

test('SIGTERM: not ready at once, served while load balancers notice, then finished, then gone', async (t) => {
  const { gateway, upstream } = await serving(t, 'drainDelay: 1s\n');
  const inFlight = await held(gateway, upstream);
  const kept = await RawClient.connect(gateway.port);
  t.after(() => kept.destroy());
  await kept.write(GET);
  assert.ok(!membersOf(await kept.response(), 'Connection').includes('close'));

  gateway.process.signal('SIGTERM');
  const reason = await gateway.adminUntil('/readyz', (status) => status === 503);
  assert.match(reason, /drain/);
  assert.equal((await gateway.admin('/healthz')).status, 200);
  for (const client of [kept, await RawClient.connect(gateway.port)]) {
    await client.write(GET);
    const response = await client.response();
    assert.equal(response.status, 200);
    assert.deepEqual(membersOf(response, 'Connection'), ['close']);
    await client.closed();
  }

  await untilRefused(gateway.port);
  await inFlight.connection.write(ok('finished'));
  const response = await inFlight.client.response();
  assert.equal(response.body.toString(), 'finished');
  assert.equal((await gateway.process.exit).code, 0);
});

test('a second signal ends at once', async (t) => {
  const { gateway, upstream } = await serving(t, 'drainDelay: 1m\ndrainTimeout: 1m\n');
  const inFlight = await held(gateway, upstream);
  gateway.process.signal('SIGTERM');
  await gateway.adminUntil('/readyz', (status) => status === 503);
  gateway.process.signal('SIGTERM');
  assert.equal((await inFlight.client.response()).status, 503);
  const { stdout } = await gateway.process.exit;
  assert.deepEqual(stopped(stdout), ['503 1']);
});

test('what is still in flight after drainTimeout is told so, tried nowhere else, and recorded', async (t) => {
  const { gateway, upstream } = await serving(t, 'drainDelay: 0s\ndrainTimeout: 300ms\n');
  const waits = await held(gateway, upstream);
  const begun = await held(gateway, upstream);
  await begun.connection.write(`${head('HTTP/1.1 200 OK', 'Content-Length: 100')}half`);
  await begun.client.sees('half');
  const http2 = connect(`http://127.0.0.1:${gateway.port}`);
  t.after(() => http2.destroy());
  const stream = http2.request({ ':path': '/held' });
  const answer = once(stream, 'response');
  const ofStream = await upstream.connection(2);
  await ofStream.requestHead();
  const idle = await RawClient.connect(gateway.port);
  t.after(() => idle.destroy());
  await idle.write(GET);
  await idle.response();
  gateway.process.signal('SIGINT');
  await idle.closed();

  const response = await waits.client.response();
  assert.deepEqual([response.status, membersOf(response, 'Connection')], [503, ['close']]);
  assert.match(response.body.toString(), /"code":"SHUTTING_DOWN"/);
  await assert.rejects(begun.client.response(), Truncated);
  assert.equal((await answer)[0][':status'], 503);
  for (const { connection } of [waits, begun]) await connection.closed();
  await ofStream.closed();
  const { code, stdout } = await gateway.process.exit;
  assert.equal(code, 0);
  assert.deepEqual(stopped(stdout).sort(), ['200 1', '503 1', '503 1']);
});

test('a WebSocket goes on while the gateway drains, and ends with drainTimeout', async (t) => {
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'];
  const handshake = [...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'];
  const { gateway, upstream } = await serving(t, 'drainDelay: 0s\ndrainTimeout: 500ms\n');
  const client = await RawClient.connect(gateway.port);
  await client.write(head('GET /held HTTP/1.1', 'Host: a', ...handshake));
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(head('HTTP/1.1 101 Switching Protocols', ...upgrade));
  assert.equal((await client.response()).status, 101);
  gateway.process.signal('SIGTERM');
  await untilRefused(gateway.port);
  await connection.write('still here');
  await client.sees('still here');
  await client.closed();
  await connection.closed();
  assert.equal((await gateway.process.exit).code, 0);
});

test('SIGTERM with nothing in flight: exit 0', async (t) => {
  const { gateway } = await serving(t, 'drainDelay: 0s\n');
  await rawRequest(gateway.port, GET);
  gateway.process.signal('SIGTERM');
  const { code, stderr } = await gateway.process.exit;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});
