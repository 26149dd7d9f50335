import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../src/config/load.js';
import { startGateway } from '../../src/gateway.js';
import { temporaryFile } from '../support/gateway-process.js';

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/file/${name}`, import.meta.url));

/** The example's service as a process, on a free port. Resolves to its address. */
async function startHello(t: TestContext): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', example('hello.ts')], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  t.after(async () => {
    child.kill();
    await exit;
  });
  assert.ok(child.stdout);
  const [line] = await once(createInterface(child.stdout), 'line');
  return String(line).replace('listening on ', '');
}

test('examples/file: what its README says happens', async (t) => {
  const [one, two] = await Promise.all([startHello(t), startHello(t)]);
  // The example as it is, but for its ports.
  const asShipped = (await readFile(example('endpoints.yaml'), 'utf8'))
    .replace('127.0.0.1:9001', one)
    .replace('127.0.0.1:9002', two);
  const file = await temporaryFile(t, 'endpoints.yaml', asShipped);
  const config = parseConfig(await readFile(example('routes.yaml'), 'utf8'), 'routes.yaml', {
    LISTEN: '127.0.0.1:0',
    ADMIN: '127.0.0.1:0',
    ENDPOINTS: file,
  });
  assert.ok('settings' in config, JSON.stringify(config));
  const gateway = await startGateway({
    settings: config.settings,
    logStream: { dropped: 0, write: () => undefined, close: async () => undefined },
  });
  t.after(() => gateway.close());
  await gateway.ready();
  const hello = async (): Promise<string> => (await fetch(`http://${gateway.address}/hello`)).text();
  const answerOf = (address: string): string => `hello from ${address.split(':')[1]}\n`;
  assert.equal(await hello(), answerOf(one));

  const edit = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await edit(asShipped.replace('# - {', '- {'));
  const patience = AbortSignal.timeout(10_000);
  while ((await hello()) !== answerOf(two)) patience.throwIfAborted();
  assert.deepEqual(new Set([await hello(), await hello()]), new Set([answerOf(one), answerOf(two)]));

  await edit(asShipped.replace(one, 'nonsense'));
  const lastError = (): string | null => gateway.views.registries()[0]?.lastError ?? null;
  while (lastError() === null) {
    patience.throwIfAborted();
    assert.notEqual(await hello(), '');
  }
  assert.match(lastError() ?? '', /endpoints\.yaml:3:7: services\.hello\[0\]: the value has no :port/);
  assert.deepEqual(new Set([await hello(), await hello()]), new Set([answerOf(one), answerOf(two)]));
});
