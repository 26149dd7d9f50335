import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EmbeddedRegistry } from '../../src/embedded/server.js';
import { startEmbedded } from '../support/embedded-registry.js';
import { freePort } from '../support/free-ports.js';
import { Sequence } from '../support/sequence.js';
import { Witness } from './registrar-support.js';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Serves on `PORT` what `HEALTH` says, tells on stdout what happens to it, and ends as its environment says. */
const PROGRAM = `
  const server = require('node:http').createServer((request, response) => {
    if (request.url === '/die') process.exit(7);
    if (request.url === '/crash') process.kill(process.pid, 'SIGKILL');
    response.writeHead(request.url === '/healthz' ? 204 : 404).end();
  });
  server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening ' + server.address().port));
  process.on('SIGTERM', () => {
    console.log('told to stop');
    if (process.env.STUBBORN) return;
    process.exit(Number(process.env.EXIT ?? 0));
  });
`;

interface Running {
  readonly child: ChildProcess;
  readonly said: Sequence<string>;
  readonly ended: Promise<number | null>;
}

describe('watchgate register', { concurrency: 4 }, () => {
  let registry: EmbeddedRegistry;
  let services = 0;
  before(async () => {
    registry = await startEmbedded({ shortestLeaseSeconds: 1 });
  });
  after(() => registry.close());

  function run(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'register', ...args], {
      env: { ...process.env, WATCHGATE_REGISTRY: registry.endpoint.replace('http:', 'etcd:'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = new Sequence<string>('lines');
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split('\n').filter(Boolean)) said.push(line);
      });
    const ended = once(child, 'exit').then(([code]) => code);
    t.after(async () => {
      // Not SIGKILL: the program would be left behind.
      child.kill('SIGTERM');
      await ended;
    });
    return { child, said, ended };
  }

  /** The program, wrapped, and a witness of its registration. */
  async function wrap(t: TestContext, flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const service = `goods-${++services}`;
    const port = await freePort();
    const witness = await Witness.of(registry.endpoint, `/service_registry_discovery/${service}/`);
    t.after(() => witness.close());
    const args = [
      '--service',
      service,
      '--port',
      `${port}`,
      '--host-key',
      'pod-1',
      '--drain-wait',
      '300ms',
      ...flags,
    ];
    const running = run(t, [...args, '--', process.execPath, '-e', PROGRAM], { PORT: `${port}`, ...env });
    return { ...running, witness, address: `127.0.0.1:${port}` };
  }

  const isPut = (event: { type: string }): boolean => event.type === 'put';
  const isDelete = (event: { type: string }): boolean => event.type === 'delete';

  test('registers the program once it accepts connections', async (t) => {
    const { witness, address, said } = await wrap(t);
    const { kv } = await witness.until(isPut);
    assert.deepEqual([kv.key.endsWith('/pod-1'), kv.value], [true, address]);
    assert.ok(
      said.items.some((line) => line.startsWith('listening')),
      'its output comes through',
    );
  });

  test('on SIGTERM leaves the registry, waits, tells the program, and exits with its code', async (t) => {
    const { child, witness, address, said, ended } = await wrap(t, ['--health', '/healthz'], { EXIT: '3' });
    await witness.until(isPut);
    child.kill('SIGTERM');
    await witness.until(isDelete);
    const left = performance.now();
    assert.ok(!said.items.includes('told to stop'));
    const draining = JSON.stringify({ address, draining: true });
    assert.deepEqual(witness.story, [`put ${address}`, `put ${draining}`, 'delete']);
    assert.equal(await ended, 3);
    assert.ok(performance.now() - left > 250, 'it waited for requests to finish');
    assert.ok(said.items.includes('told to stop'));
  });

  test('registers several services of one program, each by its own health check, and all leave before it stops', async (t) => {
    const port = await freePort();
    const [goods, orders, broken] = ['goods', 'orders', 'broken'].map((name) => `${name}-${++services}`);
    const witness = await Witness.of(registry.endpoint);
    t.after(() => witness.close());
    const flags = [
      '--service',
      `${goods}`,
      '--port',
      `${port}`,
      '--host-key',
      'pod-1',
      '--drain-wait',
      '300ms',
    ];
    const others = ['--also', `${orders}:${port}/healthz`, '--also', `${broken}:${port}/missing`];
    const program = ['--', process.execPath, '-e', PROGRAM];
    const { child, said, ended } = run(t, [...flags, ...others, ...program], { PORT: `${port}` });
    const ofOurs = (name: string | undefined) => (event: { kv: { key: string } }) =>
      event.kv.key === `/service_registry_discovery/${name}/pod-1`;
    for (const name of [goods, orders]) await witness.until(ofOurs(name));
    child.kill('SIGTERM');
    for (const name of [goods, orders]) {
      await witness.until((event) => isDelete(event) && ofOurs(name)(event));
    }
    assert.ok(!said.items.includes('told to stop'));
    assert.equal(await ended, 0);
    assert.ok(said.items.some((line) => line.includes(`${orders}: registered`)));
    assert.ok(!witness.events.some(ofOurs(broken)));
  });

  test('skips the waiting on a second signal', async (t) => {
    const { child, witness, ended } = await wrap(t, ['--drain-wait', '1m']);
    await witness.until(isPut);
    child.kill('SIGTERM');
    await witness.until(isDelete);
    child.kill('SIGINT');
    assert.equal(await ended, 0);
  });

  test('kills a program that does not stop in time', async (t) => {
    const { child, witness, ended } = await wrap(t, ['--stop-timeout', '200ms'], { STUBBORN: 'yes' });
    await witness.until(isPut);
    child.kill('SIGTERM');
    assert.equal(await ended, 128 + 9);
  });

  test('takes the registration back at once when the program ends, and exits with its code', async (t) => {
    const { witness, address, ended } = await wrap(t, ['--ttl', '60']);
    await witness.until(isPut);
    await fetch(`http://${address}/die`).catch(() => {});
    assert.equal(await ended, 7);
    await witness.until(isDelete);
  });

  test('exits with 128 + n when signal n ended the program', async (t) => {
    const { witness, address, ended } = await wrap(t, ['--ttl', '60']);
    await witness.until(isPut);
    await fetch(`http://${address}/crash`).catch(() => {});
    assert.equal(await ended, 128 + 9);
    await witness.until(isDelete);
  });

  test('exits with 127 when there is no such program', async (t) => {
    const { ended } = run(t, ['--service', 'goods', '--port', '80', '--', './no-such-program']);
    assert.equal(await ended, 127);
  });

  test('registers a process that runs already, until it is told to stop', async (t) => {
    const service = `goods-${++services}`;
    const witness = await Witness.of(registry.endpoint, `/service_registry_discovery/${service}/`);
    t.after(() => witness.close());
    const address = ['--address', '10.0.0.5', '--port', '80', '--health', 'none'];
    const { child, ended } = run(t, ['--service', service, ...address, '--weight', '2', '--metadata', 'v=1']);
    const { kv } = await witness.until(isPut);
    assert.deepEqual(JSON.parse(kv.value), { address: '10.0.0.5:80', weight: 2, metadata: { v: '1' } });
    const told = performance.now();
    child.kill('SIGINT');
    await witness.until(isDelete);
    assert.equal(await ended, 0);
    assert.ok(performance.now() - told > 900, 'it lets whoever stops the process wait, too');
  });

  test('without a program, a second signal skips the waiting', async (t) => {
    const service = `goods-${++services}`;
    const witness = await Witness.of(registry.endpoint, `/service_registry_discovery/${service}/`);
    t.after(() => witness.close());
    const flags = ['--address', '10.0.0.5', '--port', '80', '--health', 'none', '--drain-wait', '10m'];
    const { child, ended } = run(t, ['--service', service, ...flags]);
    await witness.until(isPut);
    child.kill('SIGTERM');
    await witness.until(isDelete);
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
  });
});
