import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { PastExplanation } from '../../src/core/explanation.js';
import { runCommand } from '../support/command.js';
import { type GatewayUnderTest, startGatewayUnderTest } from '../support/gateway-under-test.js';

const ONE = '127.0.0.1:1';
const TWO = '127.0.0.1:2';
const before = 'routes: [{ prefix: /goods, service: goods }]\n';
const after = 'routes: [{ prefix: /wares, service: goods }]\n';

interface Story {
  readonly gateway: GatewayUnderTest;
  /** Before the gateway began; with one endpoint; with two; with other routes; with none. */
  readonly moments: readonly number[];
}

/** A moment between two changes, to the millisecond that the journal has. */
async function moment(): Promise<number> {
  await pause(3);
  const now = Date.now();
  await pause(3);
  return now;
}

async function lived(t: TestContext): Promise<Story> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-past-'));
  t.after(() => rm(folder, { recursive: true }));
  const moments = [await moment()];
  const gateway = await startGatewayUnderTest({
    routes: before,
    services: { goods: [ONE] },
    file: join(folder, 'routes.yaml'),
  });
  t.after(() => gateway.close());
  moments.push(await moment());
  gateway.setEndpoints('goods', [ONE, TWO]);
  moments.push(await moment());
  await gateway.rewrite(after);
  moments.push(await moment());
  gateway.setEndpoints('goods', []);
  moments.push(await moment());
  return { gateway, moments };
}

async function past(
  gateway: GatewayUnderTest,
  url: string,
  at: number | undefined,
): Promise<PastExplanation> {
  return (await gateway.api(`/api/explain?url=${url}&at=${at}`)) as PastExplanation;
}

test('a past moment has the routes and the endpoints of then', async (t) => {
  const { gateway, moments } = await lived(t);
  const told = [];
  for (const at of moments.slice(1)) {
    const { route, refusal, endpoints, configuration, service } = await past(gateway, '/goods/1', at);
    const addresses = endpoints.map(({ address }) => address);
    told.push([route, service, addresses, refusal?.code, configuration.generation]);
  }
  assert.deepEqual(told, [
    ['/goods', 'goods', [ONE], undefined, 1],
    ['/goods', 'goods', [ONE, TWO], undefined, 1],
    [null, null, [], 'NO_ROUTE', 2],
    [null, null, [], 'NO_ROUTE', 2],
  ]);
  const { refusal } = await past(gateway, '/wares/1', moments.at(-1));
  assert.equal(refusal?.why, 'the registry listed no endpoint of the service');
});

test('a moment that is not known, or has not come, is refused with what is known', async (t) => {
  const { gateway, moments } = await lived(t);
  const answer = async (at: number | string): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/api/explain?url=/goods&at=${at}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const early = await answer(moments[0] ?? 0);
  assert.deepEqual([early.status, early.body['code']], [410, 'UNKNOWN_MOMENT']);
  const reachesTo = Number(early.body['reaches_to']);
  assert.ok(reachesTo > (moments[0] ?? 0) && reachesTo <= (moments[1] ?? 0));
  for (const wrong of [Date.now() + 60_000, 'yesterday']) {
    assert.equal((await answer(wrong)).body['code'], 'BAD_REQUEST');
  }
});

test('watchgate explain --at tells a person, and says when it cannot', async (t) => {
  const { gateway, moments } = await lived(t);
  const admin = `http://127.0.0.1:${gateway.adminPort}`;
  const at = new Date(moments[2] ?? 0).toISOString();
  const [known, unknown] = await Promise.all([
    runCommand('explain', 'GET', '/goods/1', '--at', at, '--admin', admin),
    runCommand('explain', 'GET', '/goods/1', '--at', '1h', '--admin', admin),
  ]);
  assert.deepEqual([known.code, known.err], [0, '']);
  const lines = known.out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', new RegExp(`^AT ${at}: configuration generation 1, routes in force since `));
  assert.match(known.out, /^ {2}\/goods {2}YES {2}the most specific that fits$/m);
  assert.match(known.out, /^ {2}127\.0\.0\.1:2 {2}up +yes +\S+ goods 127\.0\.0\.1:2 joined: registered;/m);
  // Of the service, only the name is known of then.
  assert.match(known.out, /^TIMEOUTS\n {2}try +30s$/m);
  assert.equal(lines.at(-1), '=> went to one of 2 endpoints');
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /is not known; the routes and the journal of this gateway reach back to 20/);
});
