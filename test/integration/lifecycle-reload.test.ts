import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { startGatewayProcess, temporaryFile } from '../support/gateway-process.js';
import {
  type GatewayUnderTest,
  routeAll,
  startGatewayUnderTest,
  withListeners,
} from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, rawUpstream } from '../support/raw-upstream.js';
import { registryYaml } from '../support/registry-under-test.js';

const GET = head('GET /x HTTP/1.1', 'Host: a');
const TO_GOODS = routeAll();
const TO_OTHER = TO_GOODS.replace('goods', 'other');
const WRONG = 'routes:\n  - prefix: /\n    servise: goods\n';

interface Reloading {
  readonly gateway: GatewayUnderTest;
  readonly goods: RawUpstream;
  readonly other: RawUpstream;
  readonly file: string;
}

/** A gateway that follows a file and has two services, each answering with its name. */
async function reloading(t: TestContext): Promise<Reloading> {
  const goods = await rawUpstream(answering(ok('goods')));
  const other = await rawUpstream(answering(ok('other')));
  const file = await temporaryFile(t, 'routes.yaml', '');
  const gateway = await startGatewayUnderTest({
    routes: TO_GOODS,
    file,
    services: { goods: [goods.address], other: [other.address] },
  });
  t.after(() => Promise.all([gateway.close(), goods.close(), other.close()]));
  return { gateway, goods, other, file };
}

const ask = async (gateway: GatewayUnderTest): Promise<string> =>
  (await rawRequest(gateway.port, GET)).body.toString();

async function admin(gateway: GatewayUnderTest, path: string): Promise<string> {
  const bytes = head(`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close');
  return (await rawRequest(gateway.adminPort, bytes)).body.toString();
}

/** As an editor or a ConfigMap does it: the old file is there until the new one is complete. */
async function replace(file: string, routes: string): Promise<void> {
  await writeFile(`${file}.new`, withListeners(routes));
  await rename(`${file}.new`, file);
}

test('a change of the file is in force without a restart', async (t) => {
  const { gateway } = await reloading(t);
  assert.equal(await ask(gateway), 'goods');
  const { ok: taken, generation } = await gateway.rewrite(TO_OTHER);
  assert.deepEqual({ taken, generation }, { taken: true, generation: 2 });
  assert.equal(await ask(gateway), 'other');
  assert.match(await admin(gateway, '/api/routes'), /"service":"other"/);
});

test('no request is lost while routes change', async (t) => {
  const { gateway } = await reloading(t);
  const seen: Record<string, number> = {};
  let over = false;
  const asking = Array.from({ length: 4 }, async () => {
    const client = await RawClient.connect(gateway.port);
    while (!over) {
      await client.write(GET);
      const { status, body } = await client.response();
      assert.equal(status, 200);
      seen[body.toString()] = (seen[body.toString()] ?? 0) + 1;
    }
    client.destroy();
  });
  for (let turn = 0; turn < 4; turn += 1) await gateway.rewrite(turn % 2 === 0 ? TO_OTHER : TO_GOODS);
  over = true;
  await Promise.all(asking);
  assert.deepEqual(Object.keys(seen).sort(), ['goods', 'other']);
});

test('a request under way ends as it began, even when its route is gone', async (t) => {
  const slow = await rawUpstream(() => undefined);
  const file = await temporaryFile(t, 'routes.yaml', '');
  const gateway = await startGatewayUnderTest({
    routes: TO_GOODS,
    file,
    services: { goods: [slow.address] },
  });
  t.after(() => Promise.all([gateway.close(), slow.close()]));
  const client = await RawClient.connect(gateway.port);
  t.after(() => client.destroy());
  await client.write(GET);
  const connection = await slow.connection();
  await connection.requestHead();
  await gateway.rewrite('routes: []\n');
  await connection.write(ok('in the end'));
  assert.equal((await client.response()).body.toString(), 'in the end');
  await client.write(GET);
  assert.equal((await client.response()).status, 404);
});

test('a mistake in the file changes nothing, and is shown until it is mended', async (t) => {
  const { gateway } = await reloading(t);
  const { ok: taken, detail } = await gateway.rewrite(WRONG);
  assert.equal(taken, false);
  assert.match(detail.join('\n'), /routes\.yaml:5:5: .*service/);
  assert.equal(await ask(gateway), 'goods');
  const shown: unknown = JSON.parse(await admin(gateway, '/api/config'));
  assert.ok(typeof shown === 'object' && shown !== null);
  assert.ok('lastReloadSuccessful' in shown && shown.lastReloadSuccessful === false);
  assert.ok('errors' in shown && JSON.stringify(shown.errors) === JSON.stringify(detail));
  assert.match(await admin(gateway, '/metrics'), /^watchgate_config_last_reload_successful 0$/m);
  assert.equal((await gateway.rewrite(TO_OTHER)).ok, true);
  assert.equal(await ask(gateway), 'other');
  assert.match(await admin(gateway, '/api/config'), /"lastReloadSuccessful":true/);
  assert.match(await admin(gateway, '/metrics'), /^watchgate_config_last_reload_successful 1$/m);
});

test('policies and trusted proxies change with the file, on connections that are open too', async (t) => {
  const { gateway, goods } = await reloading(t);
  const forwarded = head('GET / HTTP/1.1', 'Host: a', 'X-Forwarded-For: 203.0.113.7');
  const client = await RawClient.connect(gateway.port);
  t.after(() => client.destroy());
  await client.write(forwarded);
  await client.response();
  await gateway.rewrite(`trustedProxies: [127.0.0.1]\n${routeAll('hostHeader: inner', 'maxBody: 1B')}`);
  await client.write(forwarded);
  await client.response();
  const seen = goods.requests.map(({ fields }) =>
    fields.filter(([name]) => /^(host|x-forwarded-for)$/i.test(name)).map(([, value]) => value),
  );
  assert.deepEqual(seen, [
    ['a', '127.0.0.1'],
    ['inner', '203.0.113.7, 127.0.0.1'],
  ]);
  const body = `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2')}hi`;
  assert.equal((await rawRequest(gateway.port, body)).status, 413);
});

test('SIGHUP loads the file again', async (t) => {
  const gateway = await startGatewayProcess(t, `${registryYaml(1)}${TO_GOODS}`);
  await writeFile(gateway.file, withListeners(registryYaml(1) + TO_OTHER));
  gateway.process.signal('SIGHUP');
  await gateway.adminUntil('/api/routes', (_status, routes) => routes.includes('"service":"other"'));
});

test('a file that is replaced by a rename is noticed', async (t) => {
  const { gateway, file } = await reloading(t);
  const replaced = gateway.nextConfig();
  await replace(file, TO_OTHER);
  assert.equal((await replaced).ok, true);
  assert.equal(await ask(gateway), 'other');
});

test('a file that was loaded in between two changes is taken as it is in the end', async (t) => {
  const { gateway, file } = await reloading(t);
  const [first, second] = [gateway.nextConfig(), gateway.nextConfig(1)];
  await replace(file, TO_OTHER);
  assert.deepEqual(await gateway.reload(), []);
  await first;
  await replace(file, TO_GOODS);
  await second;
  assert.equal(await ask(gateway), 'goods');
});
