import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bytes, EtcdApi } from '../support/etcd-api.js';
import { etcdctl, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { Sequence } from '../support/sequence.js';

const MAIN = fileURLToPath(new URL('../../examples/live-config/main.ts', import.meta.url));
const KEY = '/greeter/settings';
/** The promise is 100 ms on a machine that has nothing else to do; the figure is printed. */
const SEEN_WITHIN_MS = 1_000;

const [version = '3.4'] = etcdVersions;

/** The example as a process; what it prints, line by line. */
function startGreeter(t: TestContext, endpoint: string): Sequence<string> {
  const env = { ...process.env, PORT: '0', WATCHGATE_REGISTRY: endpoint.replace('http:', 'etcd:') };
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', MAIN], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  t.after(async () => {
    child.kill();
    assert.deepEqual(await exit, [0, null], 'it closes its watch and ends');
  });
  assert.ok(child.stdout);
  const lines = new Sequence<string>('line');
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  return lines;
}

test('examples/live-config: what its README says happens', { skip: etcdVersions.length === 0 }, async (t) => {
  const etcd = await startEtcd(version);
  t.after(() => etcd.stop());
  const lines = startGreeter(t, etcd.endpoint);
  const [, url = ''] = /listening on (\S+), the greeting is "hello"/.exec(await lines.nth(0)) ?? [];
  const greeting = async (): Promise<string> => (await fetch(url)).text();
  const put = async (value: string): Promise<void> => {
    assert.equal((await etcdctl(version, etcd.endpoint, ['put', KEY, value])).code, 0);
  };
  const api = new EtcdApi(etcd.endpoint);
  t.after(() => api.close());
  /** Puts a greeting and asks for it until it is there; the milliseconds that took. Without etcdctl, whose start takes long. */
  const seenAfter = async (value: string, expected: string): Promise<number> => {
    const startedAt = performance.now();
    const done = api.call('KV/Put', { key: bytes(KEY), value: bytes(value) });
    while ((await greeting()) !== expected) assert.ok(performance.now() - startedAt < 10_000);
    const seenAt = performance.now();
    await done;
    return seenAt - startedAt;
  };
  assert.equal(await greeting(), 'hello\n');

  const first = await seenAfter('greeting: good morning', 'good morning\n');
  const second = await seenAfter('{"greeting":"ahoy","times":2}', 'ahoy, ahoy\n');
  t.diagnostic(`seen ${first.toFixed(0)} ms and ${second.toFixed(0)} ms after they were written`);
  assert.ok(first < SEEN_WITHIN_MS && second < SEEN_WITHIN_MS);
  assert.equal(await lines.nth(1), 'the greeting is "good morning" now');

  await put('greting: oops');
  assert.match(await lines.nth(3), /\/greeter\/settings:1:1: /);
  await etcdctl(version, etcd.endpoint, ['del', KEY]);
  assert.match(await lines.nth(5), /there is no such key$/);
  assert.equal(await greeting(), 'ahoy, ahoy\n');
});
