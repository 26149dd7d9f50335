import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { callThroughGateway } from '../../examples/grpc/calls.js';
import { startSayServer } from '../../examples/grpc-say/server.js';
import { parseConfig } from '../../src/config/load.js';
import { startGateway } from '../../src/gateway.js';
import { startEmbedded } from '../support/embedded-registry.js';

const ROUTES = fileURLToPath(new URL('../../examples/grpc/routes.yaml', import.meta.url));

test('examples/grpc: what its README says happens', async (t) => {
  const registry = await startEmbedded();
  const closers: (() => Promise<void>)[] = [() => registry.close()];
  // The registry last: who is registered leaves it first.
  t.after(async () => {
    for (const close of closers.reverse()) await close();
  });
  const config = parseConfig(await readFile(ROUTES, 'utf8'), 'routes.yaml', {
    LISTEN: '127.0.0.1:0',
    ADMIN: '127.0.0.1:0',
    ETCD: registry.endpoint,
  });
  assert.ok('settings' in config, JSON.stringify(config));
  const serve = async (name: string) => {
    const server = await startSayServer(
      name,
      `etcd://${new URL(registry.endpoint).host}/service_registry_discovery`,
    );
    closers.push(() => server.close());
    return server;
  };
  const first = await serve('say-1');
  await serve('say-2');
  const gateway = await startGateway({
    settings: config.settings,
    logStream: { dropped: 0, write: () => undefined, close: async () => undefined },
  });
  closers.push(() => gateway.close());
  await gateway.ready();
  const shares = async (): Promise<number[]> =>
    [...(await callThroughGateway(gateway.address, 9)).values()].sort();
  const until = async (wanted: readonly number[]): Promise<void> => {
    const patience = AbortSignal.timeout(10_000);
    while ((await shares()).join() !== wanted.join()) patience.throwIfAborted();
  };
  assert.deepEqual(await shares(), [4, 5]);
  await serve('say-3');
  await until([3, 3, 3]);
  await first.close();
  await until([4, 5]);
});
