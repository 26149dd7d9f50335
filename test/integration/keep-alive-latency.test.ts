import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { RawClient } from '../support/raw-client.js';
import { head } from '../support/raw-http.js';
import { listenOnLoopback } from '../support/wire.js';

// undici 7.28.0 to early 7.30 added 1.3 ms to every request on a kept connection, which no test of
// behaviour notices. Medians are compared within one run, so that the speed of the machine falls out.

const REQUESTS = 200;
const ROUNDS = 3;
const ALLOWED_MS = 1;
const GET = head('GET /goods HTTP/1.1', 'Host: a');

async function httpEndpoint(t: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.end('{"code":0}'));
  const port = await listenOnLoopback(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return port;
}

async function connected(t: TestContext, port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  return client;
}

/** Milliseconds of one request on a kept connection. */
async function timed(client: RawClient): Promise<number> {
  const begin = performance.now();
  await client.write(GET);
  const { status } = await client.response();
  const took = performance.now() - begin;
  assert.equal(status, 200);
  return took;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** What the gateway adds to the median request. The two ways take turns, so that load on the machine meets both. */
async function addedMs(direct: RawClient, proxied: RawClient): Promise<number> {
  const times = { direct: [] as number[], proxied: [] as number[] };
  for (let request = 0; request < REQUESTS; request += 1) {
    times.direct.push(await timed(direct));
    times.proxied.push(await timed(proxied));
  }
  return median(times.proxied) - median(times.direct);
}

test(`the gateway adds less than ${ALLOWED_MS} ms to a request on kept connections`, async (t) => {
  const port = await httpEndpoint(t);
  const gateway = await startGatewayUnderTest({
    routes: routeAll(),
    services: { goods: [`127.0.0.1:${port}`] },
  });
  t.after(() => gateway.close());
  const direct = await connected(t, port);
  const proxied = await connected(t, gateway.port);
  const rounds: number[] = [];
  // A slow path is slow in every round; a busy machine is not.
  while (rounds.length < ROUNDS && !rounds.some((ms) => ms < ALLOWED_MS)) {
    rounds.push(await addedMs(direct, proxied));
  }
  t.diagnostic(`added ${rounds.map((ms) => ms.toFixed(3)).join(', ')} ms`);
  assert.ok(Math.min(...rounds) < ALLOWED_MS, `added ${rounds.map((ms) => ms.toFixed(2)).join(', ')} ms`);
});
