import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isJournalEntry } from '../../src/cli/journal-text.js';
import { runCommand } from '../support/command.js';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { Sequence } from '../support/sequence.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

async function started(t: TestContext, settings = ''): Promise<GatewayUnderTest> {
  const services = { goods: ['127.0.0.1:1001', '127.0.0.1:1002'], user: ['127.0.0.1:1003'] };
  const gateway = await startGatewayUnderTest({ routes: `${settings}${routeAll()}`, services });
  t.after(() => gateway.close());
  return gateway;
}

const adminOf = (gateway: GatewayUnderTest): string[] => ['--admin', `http://127.0.0.1:${gateway.adminPort}`];

/** Lines that `watchgate journal --follow` prints, once it has begun to. It ends with the test. */
async function following(t: TestContext, ...args: readonly string[]): Promise<Sequence<string>> {
  const lines = new Sequence<string>('line');
  const child = spawn(process.execPath, [MAIN, 'journal', '--follow', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill());
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (text + chunk).split('\n');
    text = parts.pop() ?? '';
    for (const line of parts) lines.push(line);
  });
  // However long the command takes to start beside other tests.
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return lines;
}

describe('watchgate journal', () => {
  test('prints what happened to a service, one readable line each', async (t) => {
    const gateway = await started(t);
    gateway.setEndpoints('goods', ['127.0.0.1:1002']);
    const { code, out, err } = await runCommand('journal', '--service', 'goods', ...adminOf(gateway));
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.length, 3);
    assert.match(
      lines[0] ?? '',
      /^\d{4}-\S+Z {2}goods 127\.0\.0\.1:1001 joined: registered; up, \d endpoints? \(key \S/,
    );
    assert.match(
      lines[2] ?? '',
      /^\d{4}-\S+Z {2}goods 127\.0\.0\.1:1001 left: removed; gone, 1 endpoint \(key \S/,
    );
  });

  test('goes back as far as --since says, and prints entries as they are with --json', async (t) => {
    const gateway = await started(t);
    const [all, none, bad] = await Promise.all([
      runCommand('journal', '--since', '10m', '--json', ...adminOf(gateway)),
      runCommand('journal', '--since', '2100-01-01T00:00:00Z', ...adminOf(gateway)),
      runCommand('journal', '--since', 'yesterday', ...adminOf(gateway)),
    ]);
    const entries: unknown[] = all.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(entries.every(isJournalEntry));
    assert.deepEqual(entries, await gateway.api('/api/events'));
    assert.equal(none.out, '');
    assert.equal(bad.code, 2);
    assert.match(bad.err, /neither a duration such as 10m nor an ISO 8601 time/);
  });

  test('follows: first what there is, then each entry as it happens, none twice', async (t) => {
    const gateway = await started(t);
    const lines = await following(t, '--service', 'goods', ...adminOf(gateway));
    await lines.nth(1);
    gateway.setEndpoints('user', []);
    gateway.setEndpoints('goods', ['127.0.0.1:1001']);
    assert.match(await lines.nth(2), /goods 127\.0\.0\.1:1002 left/);
    gateway.setEndpoints('goods', []);
    assert.match(await lines.nth(3), /goods 127\.0\.0\.1:1001 left/);
    assert.equal(lines.items.length, 4);
  });

  test('tells of the time before a restart when the gateway has a folder for its state', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'state-'));
    t.after(() => rm(folder, { recursive: true }));
    const settings = `stateDir: ${folder}\n`;
    const before = await started(t, settings);
    const told = await before.api('/api/events');
    assert.ok(Array.isArray(told) && told.length >= 3);
    await before.close();
    const after = await started(t, settings);
    const entries = await after.api('/api/events');
    assert.ok(Array.isArray(entries));
    assert.deepEqual(entries.slice(0, told.length), told);
    assert.ok(entries.length > told.length);
  });
});
