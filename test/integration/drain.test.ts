import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { DEFAULT_PREFIX, registrationKey } from '../../src/core/registration.js';
import { bytes, EtcdApi } from '../support/etcd-api.js';
import { startGatewayProcess } from '../support/gateway-process.js';
import { behindGateway, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { GoodsFleet } from '../support/goods-fleet.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { chunked, head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';
import { startRegistryUnderTest } from '../support/registry-under-test.js';

// What becomes of an endpoint that leaves: nothing new is sent to it, and what is under way has its time.

const GET = head('GET / HTTP/1.1', 'Host: a');
const silent = (): void => undefined;

async function asking(t: TestContext, port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(GET);
  return client;
}

function patience(drain: string, tunnels: string): string {
  return `${routeAll()}services:\n  goods: { drainTimeout: ${drain}, tunnelDrainTimeout: ${tunnels} }\n`;
}

describe('an endpoint that has left the registry', () => {
  test('is sent nothing new, while what is in flight there finishes', async (t) => {
    const { port, upstream, gateway } = await behindGateway(t, silent);
    const staying = await rawUpstream(answering(ok('stays')));
    t.after(() => staying.close());
    const client = await asking(t, port);
    const connection = await upstream.connection(0);
    await connection.request();
    gateway.setEndpoints('goods', [staying.address]);
    for (let turn = 0; turn < 10; turn += 1) {
      assert.equal((await rawRequest(port, GET)).body.toString(), 'stays');
    }
    await connection.write(ok('finished'));
    assert.equal((await client.response()).body.toString(), 'finished');
    assert.equal(await connection.closed(), 'ended');
    assert.deepEqual([upstream.requests.length, upstream.connections.length], [1, 1]);
  });

  test('is broken off when its time is over, and the client is told', async (t) => {
    const { port, upstream, gateway } = await behindGateway(t, silent, patience('100ms', '1m'));
    const client = await asking(t, port);
    await (await upstream.connection(0)).request();
    gateway.setEndpoints('goods', []);
    const from = performance.now();
    assert.equal((await client.response()).status, 502);
    const tookMs = performance.now() - from;
    assert.ok(tookMs > 60 && tookMs < 1_500, `${tookMs}`);
  });

  test('that comes back in time is used again, on the connections that it had', async (t) => {
    const { port, upstream, gateway } = await behindGateway(t, silent);
    const client = await asking(t, port);
    const connection = await upstream.connection(0);
    await connection.request();
    gateway.setEndpoints('goods', []);
    assert.equal((await rawRequest(port, GET)).status, 503);
    gateway.setEndpoints('goods', [upstream.address]);
    await connection.write(ok());
    await client.response();
    const again = await asking(t, port);
    await connection.request();
    await connection.write(ok('again'));
    assert.equal((await again.response()).body.toString(), 'again');
    assert.equal(upstream.connections.length, 1);
  });
});

describe('what seldom ends by itself has a time of its own', () => {
  test('a WebSocket goes on when the time for requests is over, and ends with its own', async (t) => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    await once(server, 'listening');
    const bound = server.address();
    const address = `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
    const gateway = await startGatewayUnderTest({
      routes: patience('50ms', '2s'),
      services: { goods: [address] },
    });
    t.after(async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await gateway.close();
    });
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    gateway.setEndpoints('goods', []);
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.send('still there?');
    const [echo] = await once(socket, 'message');
    assert.equal(String(echo), 'still there?');
    await closed;
    const tookMs = performance.now() - from;
    assert.ok(tookMs > 1_900 && tookMs < 4_000, `${tookMs}`);
  });

  test('so does a stream of events, and a long download does not', async (t) => {
    for (const [type, leastMs, mostMs] of [
      ['text/event-stream', 1_900, 4_000],
      ['text/plain', 30, 1_800],
    ] as const) {
      const { port, upstream, gateway } = await behindGateway(t, silent, patience('50ms', '2s'));
      const client = await asking(t, port);
      const connection = await upstream.connection(0);
      await connection.request();
      const start = head('HTTP/1.1 200 OK', `Content-Type: ${type}`, 'Transfer-Encoding: chunked');
      await connection.write(start + chunked(['data: 1\n\n']).replace(/0\r\n\r\n$/, ''));
      await client.sees('data: 1');
      gateway.setEndpoints('goods', []);
      const from = performance.now();
      await client.closed();
      const tookMs = performance.now() - from;
      assert.ok(tookMs > leastMs && tookMs < mostMs, `${type}: ${tookMs}`);
    }
  });
});

describe('an endpoint that is told to drain', () => {
  test('by its own registration: finishes, is sent nothing new, and shows it', async (t) => {
    const registry = await startRegistryUnderTest(t);
    const leaving = await rawUpstream(silent);
    const staying = await rawUpstream(answering(ok('stays')));
    t.after(() => Promise.all([leaving.close(), staying.close()]));
    const gateway = await startGatewayProcess(t, registry.yaml + routeAll());
    await registry.register('goods', leaving.address);
    await gateway.adminUntil(
      '/api/services/goods',
      (status, body) => status === 200 && body.includes('"up"'),
    );
    const client = await asking(t, gateway.port);
    const connection = await leaving.connection(0);
    await connection.request();

    await registry.register('goods', staying.address);
    const api = new EtcdApi(`http://127.0.0.1:${registry.port}`);
    t.after(() => api.close());
    const key = bytes(registrationKey(DEFAULT_PREFIX, 'goods', leaving.address));
    const value = bytes(JSON.stringify({ address: leaving.address, draining: true }));
    await api.call('KV/Put', { key, value });
    const services = await gateway.adminUntil('/api/services/goods', (_, body) =>
      body.includes('"draining"'),
    );
    assert.match(services, /draining: its registration says so/);
    for (let turn = 0; turn < 10; turn += 1) {
      assert.equal((await rawRequest(gateway.port, GET)).body.toString(), 'stays');
    }
    await connection.write(ok('finished'));
    assert.equal((await client.response()).body.toString(), 'finished');
    assert.equal(leaving.requests.length, 1);
  });

  test('by an operator: the same, until the operator says otherwise', async (t) => {
    const fleet = await GoodsFleet.start(t, [answering(ok('a')), answering(ok('b'))]);
    const address = fleet.upstreams[0]?.address ?? '';
    const verb = async (name: string): Promise<number> => {
      const url = `http://127.0.0.1:${fleet.gateway.adminPort}/api/services/goods/endpoints/${address}/${name}`;
      return (await fetch(url, { method: 'POST' })).status;
    };
    assert.equal(await verb('drain'), 200);
    await fleet.gets(6);
    assert.deepEqual([fleet.requests(0), fleet.requests(1)], [0, 6]);
    const { state, notEligible } = await fleet.seen(0);
    assert.deepEqual([state, notEligible], ['draining', 'draining: told so by an operator']);
    assert.equal(await verb('undrain'), 200);
    await fleet.gets(6);
    assert.deepEqual([fleet.requests(0), fleet.requests(1)], [3, 9]);
  });
});
