import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient } from '../support/raw-client.js';
import { fieldOf, head } from '../support/raw-http.js';

const GET = head('GET / HTTP/1.1', 'Host: a');
/** Far above the limit, so that every sample is late. */
const BLOCK_MS = 200;
const LIMIT = 'server: { maxEventLoopLag: 50ms }\n';
/** Turns of the event loop after which the gateway must have noticed. */
const TURNS = 4;

/** Keeps this process, and with it the gateway, so busy that timers fire late; until told to stop. */
function keepBusy(t: TestContext): { readonly noticed: Promise<void>; stop(): void } {
  let turns = 0;
  let tell = (): void => undefined;
  const noticed = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const busy = setInterval(() => {
    const until = performance.now() + BLOCK_MS;
    while (performance.now() < until);
    turns += 1;
    if (turns === TURNS) tell();
  });
  t.after(() => clearInterval(busy));
  return { noticed, stop: () => clearInterval(busy) };
}

test('a gateway that cannot keep up refuses at once, and serves again when it can', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, undefined, LIMIT + routeAll());
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  const ask = async () => {
    await client.write(GET);
    return client.response();
  };
  assert.equal((await ask()).status, 200);

  const load = keepBusy(t);
  await load.noticed;
  const refused = await ask();
  load.stop();
  const { code } = JSON.parse(refused.body.toString()) as { code: string };
  assert.deepEqual([refused.status, code, fieldOf(refused, 'Retry-After')], [503, 'OVERLOADED', '1']);
  assert.equal(upstream.requests.length, 1, 'it cost the endpoint nothing');
  const { cause, service } = await gateway.record(1);
  assert.deepEqual([cause, service], ['OVERLOADED', 'goods']);

  const patience = AbortSignal.timeout(5_000);
  let status = 503;
  while (status === 503 && !patience.aborted) ({ status } = await ask());
  assert.equal(status, 200);
});
