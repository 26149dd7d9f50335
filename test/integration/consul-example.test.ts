import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startGreeter } from '../../examples/consul/greeter.js';
import { parseConfig } from '../../src/config/load.js';
import { fileOrigin } from '../../src/config/origin.js';
import { startGateway } from '../../src/gateway.js';
import { consulMissing, startConsul } from '../support/consul-server.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/consul/routes.yaml', import.meta.url));

/** Asks until the answer is `expected`; Consul tells of a change when it can. */
async function answers(url: string, expected: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const response = await fetch(url);
    const text = await response.text();
    if (text.trim() === expected) return;
    if (performance.now() > deadline) assert.equal(text, expected);
    await sleep(30);
  }
}

test('the Consul example: both versions at one path, one at another, and a new route without a restart', {
  skip: consulMissing ?? false,
}, async (t) => {
  const consul = await startConsul();
  t.after(() => consul.stop());
  const registry = `consul://${consul.address}`;
  const v1 = await startGreeter(registry, 'v1');
  t.after(() => v1.close());
  const v2 = await startGreeter(registry, 'v2');

  const environment = { CONSUL_ADDRESS: consul.address, LISTEN: '127.0.0.1:0', ADMIN: '127.0.0.1:0' };
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-example-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'routes.yaml');
  const text = await readFile(EXAMPLE, 'utf8');
  await writeFile(file, text);
  const parsed = parseConfig(text, file, environment);
  assert.ok('settings' in parsed, JSON.stringify(parsed));
  const logStream = { dropped: 0, write: () => undefined, close: async () => undefined };
  const origin = fileOrigin(file);
  const gateway = await startGateway({ settings: parsed.settings, origin, environment, logStream });
  t.after(() => gateway.close());
  await gateway.ready();
  const url = `http://${gateway.address}`;

  const seen = new Set<string>();
  for (let asked = 0; asked < 50; asked++) seen.add((await (await fetch(`${url}/greet`)).text()).trim());
  assert.deepEqual([...seen].sort(), ['hello from v1', 'hello from v2']);
  for (let asked = 0; asked < 10; asked++) await answers(`${url}/greet/next`, 'hello from v2');

  const moreRoutes = '  - { prefix: /old, service: greeter?tag=v1 }\n  - { prefix: /else, service: other }\n';
  await writeFile(file, text + moreRoutes);
  await gateway.reload();
  await answers(`${url}/old`, 'hello from v1');
  const { status } = await fetch(`${url}/else`);
  assert.equal(status, 503, 'a service that nobody registered');

  await v2.close();
  for (let asked = 0; asked < 20; asked++) {
    const response = await fetch(`${url}/greet`);
    assert.deepEqual([response.status, await response.text()], [200, 'hello from v1\n']);
  }
});

test('with autoRoutes every service of Consul is served at its name, and one that comes later', {
  skip: consulMissing ?? false,
}, async (t) => {
  const consul = await startConsul();
  t.after(() => consul.stop());
  const text = `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nautoRoutes: true\nregistry: { type: consul, endpoints: ${consul.address} }\n`;
  const parsed = parseConfig(text, 'routes.yaml', {});
  assert.ok('settings' in parsed, JSON.stringify(parsed));
  const logStream = { dropped: 0, write: () => undefined, close: async () => undefined };
  const gateway = await startGateway({ settings: parsed.settings, logStream });
  t.after(() => gateway.close());
  await gateway.ready();
  const greeter = await startGreeter(`consul://${consul.address}`, 'v1');
  t.after(() => greeter.close());
  await answers(`http://${gateway.address}/greeter`, 'hello from v1');
  const { status } = await fetch(`http://${gateway.address}/consul`);
  assert.equal(status, 404, 'Consul itself is not served');
});
