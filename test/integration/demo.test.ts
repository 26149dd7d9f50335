import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PATIENCE_MS = 30_000;
const FREE_PORTS = { WATCHGATE_PORT: '0', WATCHGATE_ADMIN_PORT: '0', WATCHGATE_REGISTRY_PORT: '0' };

/** A demo, and everything it has said so far. */
class Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly #chunk = new EventTarget();
  said = '';

  constructor(t: TestContext, command: readonly [string, ...string[]], env: NodeJS.ProcessEnv) {
    const [file, ...args] = command;
    this.child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = once(this.child, 'exit').then(([code]) => code);
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said += text.replaceAll('\r', '');
        this.#chunk.dispatchEvent(new Event('chunk'));
      });
    t.after(async () => {
      this.child.kill('SIGTERM');
      await this.ended;
    });
  }

  /** The first match in what it says; waits for it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const limit = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const match = pattern.exec(this.said);
      if (match !== null) return match;
      await once(this.#chunk, 'chunk', { signal: limit }).catch(() => assert.fail(`said only: ${this.said}`));
    }
  }

  async url(name: 'ready' | 'dashboard'): Promise<string> {
    const [, url = ''] = await this.says(new RegExp(`^${name} +(http://127\\.0\\.0\\.1:\\d+\\S*)$`, 'm'));
    return url;
  }
}

const startDemo = (t: TestContext, ...flags: string[]): Demo =>
  new Demo(t, [process.execPath, MAIN, 'demo', ...flags], FREE_PORTS);

/** Process ids of the goods services. */
async function goodsOf(demo: Demo): Promise<number[]> {
  const { stdout } = await promisify(execFile)('pgrep', ['-P', `${demo.child.pid}`]);
  return stdout.trim().split('\n').map(Number);
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function endpointsOf(dashboard: string): Promise<number> {
  const response = await fetch(`${dashboard}/api/services/goods`);
  const view: unknown = await response.json();
  assert.ok(
    typeof view === 'object' && view !== null && 'endpoints' in view && Array.isArray(view.endpoints),
  );
  return view.endpoints.length;
}

async function untilEndpoints(dashboard: string, count: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await endpointsOf(dashboard)) !== count) {
    assert.ok(performance.now() < deadline, `there are never ${count} endpoints`);
    await sleep(50);
  }
}

test('once the demo says ready, one trace id is in the answer and in both log lines', async (t) => {
  const demo = startDemo(t, '--goods', '1');
  const url = await demo.url('ready');
  const response = await fetch(url);
  const traceId = response.headers.get('x-trace-id');
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { code: 0, message: 'get goods list success', trace_id: traceId });
  await demo.says(new RegExp(`^\\{.*"trace_id":"${traceId}".*"route":"/goods".*\\}$`, 'm'));
  await demo.says(new RegExp(`^\\{"service":"goods".*"trace_id":"${traceId}".*\\}$`, 'm'));

  const posted = await fetch(url, { method: 'POST', body: '{"trace_id":"mine"}' });
  assert.deepEqual(await posted.json(), { code: 0, message: 'get goods list success', trace_id: 'mine' });
});

test('no request fails when a goods service is killed, and its endpoint goes with its lease', async (t) => {
  const demo = startDemo(t);
  const [url, dashboard] = [await demo.url('ready'), await demo.url('dashboard')];
  const [victim = 0, ...others] = await goodsOf(demo);
  assert.deepEqual([others.length, await endpointsOf(dashboard)], [2, 3]);

  const statuses = new Map<number, number>();
  let left = false;
  const requests = (async () => {
    while (!left) {
      const { status } = await fetch(url);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await sleep(5);
    }
  })();
  await sleep(200);
  process.kill(victim, 'SIGKILL');
  await untilEndpoints(dashboard, 2);
  left = true;
  await requests;
  assert.deepEqual([...statuses.keys()], [200]);
});

test('a signal ends the demo with 0 and everything it has started', async (t) => {
  const demo = startDemo(t, '--goods', '2');
  await demo.url('ready');
  const goods = await goodsOf(demo);
  assert.equal(goods.length, 2);
  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0);
  assert.deepEqual(goods.filter(runs), []);
});

test('nothing is left running when the demo is killed', async (t) => {
  const demo = startDemo(t, '--goods', '1');
  await demo.url('ready');
  const goods = await goodsOf(demo);
  demo.child.kill('SIGKILL');
  await demo.ended;
  const deadline = performance.now() + PATIENCE_MS;
  while (goods.some(runs)) {
    assert.ok(performance.now() < deadline, 'the goods service is still there');
    await sleep(50);
  }
});

test('a demo whose output nobody reads still serves, and still ends', async (t) => {
  const demo = startDemo(t, '--goods', '1');
  const url = await demo.url('ready');
  demo.child.stdout?.pause();
  for (let count = 0; count < 400; count++) {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
  }
  demo.child.kill('SIGTERM');
  assert.equal(await demo.ended, 0);
});

for (const name of ['WATCHGATE_PORT', 'WATCHGATE_ADMIN_PORT', 'WATCHGATE_REGISTRY_PORT']) {
  test(`a taken ${name} is one clear line and exit code 1`, async (t) => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    t.after(() => squatter.close());
    const address = squatter.address();
    const port = typeof address === 'object' && address !== null ? `${address.port}` : '';
    const demo = new Demo(t, [process.execPath, MAIN, 'demo'], { ...FREE_PORTS, [name]: port });
    assert.equal(await demo.ended, 1);
    const lines = demo.said.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    assert.equal(lines.length, 1, demo.said);
    assert.match(lines[0] ?? '', new RegExp(`127\\.0\\.0\\.1:${port} .*${name}`));
  });
}

test('on a terminal + starts a goods service, - stops one, k kills one, q ends', async (t) => {
  // util-linux; the only way to a terminal without a native package.
  const command = `'${process.execPath}' '${MAIN}' demo --goods 1`;
  const demo = new Demo(t, ['script', '-qec', command, '/dev/null'], FREE_PORTS);
  await demo.url('ready');
  const dashboard = await demo.url('dashboard');
  const press = (key: string): void => {
    demo.child.stdin?.write(key);
  };
  press('+');
  await demo.says(/^starting goods-2$/m);
  await untilEndpoints(dashboard, 2);
  press('-');
  await demo.says(/^stopping goods-2$/m);
  await untilEndpoints(dashboard, 1);
  press('k');
  await demo.says(/^goods-1 ended by SIGKILL$/m);
  press('q');
  assert.equal(await demo.ended, 0);
});
