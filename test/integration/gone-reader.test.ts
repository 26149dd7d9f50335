import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startAdmin } from '../../src/admin/server.js';
import { createJournal } from '../../src/observability/journal.js';
import { startEmbedded } from '../support/embedded-registry.js';
import { endpointView, fakeGateway, serviceView } from '../support/fake-gateway.js';
import { freePorts } from '../support/free-ports.js';
import { temporaryFile } from '../support/gateway-process.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** `watchgate ARGS | true`, whose reader has left before a word was said. */
function unread(t: TestContext, ...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function ended(child: ChildProcessByStdio<null, Readable, Readable>): Promise<unknown[]> {
  const [[code], err] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
  return [code, err];
}

test('a command whose reader has left ends quietly', async (t) => {
  const gateway = fakeGateway();
  gateway.services = [serviceView('goods', [endpointView('10.0.0.5:80')])];
  const admin = await startAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    token: undefined,
    views: gateway.views,
    actions: gateway.actions,
    journal: createJournal(gateway.hub),
    metricsText: async () => '',
  });
  t.after(() => admin.close());
  const registry = await startEmbedded();
  t.after(() => registry.close());
  const file = await temporaryFile(t, 'routes.yaml', 'routes: [{ prefix: /, service: goods }]\n');

  const commands: readonly (readonly string[])[] = [
    ['--help'],
    ['start', '--help'],
    ['--version'],
    ['completion', 'bash'],
    ['check', '-c', file],
    ['endpoints', '--admin', admin.address],
    ['endpoints', '--json', '--admin', admin.address],
    ['explain', 'GET', '/goods', '--admin', admin.address],
    ['journal', '--admin', admin.address],
    ['probe', registry.endpoint.replace('http', 'etcd')],
  ];
  for (const args of commands) assert.deepEqual(await ended(unread(t, ...args)), [0, ''], args.join(' '));
});

test('what a command found out is its exit code, read or not', async (t) => {
  const file = await temporaryFile(t, 'routes.yaml', 'rotes: []\n');
  assert.deepEqual(await ended(unread(t, 'check', '--json', '-c', file)), [1, '']);
});

test('a full disk is one line and exit 1', { skip: !existsSync('/dev/full') }, async () => {
  const full = await open('/dev/full', 'w');
  const child = spawn(process.execPath, [MAIN, '--help'], { stdio: ['ignore', full.fd, 'pipe'] });
  assert.ok(child.stderr !== null);
  const [[code], err] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
  await full.close();
  assert.deepEqual([code, err], [1, 'watchgate: cannot write the output: ENOSPC\n']);
});

test('a gateway goes on when whoever read its log has left', async (t) => {
  const [port = 0, admin = 0, registry = 0] = await freePorts(3);
  const file = await temporaryFile(
    t,
    'routes.yaml',
    `listen: 127.0.0.1:${port}\nadmin: 127.0.0.1:${admin}\nregistry: { type: embedded, listen: 127.0.0.1:${registry} }\nroutes: [{ prefix: /, service: goods }]\n`,
  );
  const child = unread(t, 'start', '-c', file);
  const end = ended(child);
  const patience = AbortSignal.timeout(20_000);
  while (!(await isReady(admin))) {
    assert.ok(child.exitCode === null && !patience.aborted, 'the gateway did not become ready');
    await pause(20);
  }
  for (let count = 0; count < 3; count += 1)
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 503);
  child.kill('SIGTERM');
  assert.deepEqual(await end, [0, '']);
});

async function isReady(admin: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
  } catch {
    return false;
  }
}
