import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type AdminServer, startAdmin } from '../../src/admin/server.js';
import { createJournal } from '../../src/observability/journal.js';
import {
  endpointView,
  type FakeGateway,
  fakeGateway,
  membershipChange,
  serviceView,
} from '../support/fake-gateway.js';
import { freePort } from '../support/free-ports.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

async function openAdmin(
  t: TestContext,
  gateway: FakeGateway,
  port = 0,
  token?: string,
): Promise<AdminServer> {
  const admin = await startAdmin({
    listen: { host: '127.0.0.1', port },
    token,
    views: gateway.views,
    actions: gateway.actions,
    journal: createJournal(gateway.hub),
    metricsText: async () => '',
  });
  t.after(() => admin.close());
  return admin;
}

interface Command {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** The next line of standard output; rejects when there is no more. */
  nextLine(): Promise<string>;
  /** The exit code and what standard error said. */
  end(): Promise<{ code: number | null; err: string }>;
}

function endpoints(t: TestContext, args: string[], env: NodeJS.ProcessEnv = {}): Command {
  const child = spawn(process.execPath, [MAIN, 'endpoints', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  t.after(() => child.kill('SIGKILL'));
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const closed = once(child, 'close');
  return {
    child,
    async nextLine() {
      const { value, done } = await lines.next();
      if (done) assert.fail(`no more output; standard error: ${err}`);
      return value;
    },
    async end() {
      const [code] = await closed;
      return { code, err };
    },
  };
}

describe('watchgate endpoints', { timeout: 60_000 }, () => {
  test('prints the table of all services, or of one', async (t) => {
    const gateway = fakeGateway();
    gateway.services = [
      serviceView('goods', [endpointView('10.0.0.5:80')]),
      serviceView('user@dc2', [endpointView('10.0.0.6:80')]),
    ];
    const { address } = await openAdmin(t, gateway);
    const all = endpoints(t, ['--admin', address]);
    assert.match(await all.nextLine(), /^SERVICE +ADDRESS +STATE/);
    assert.match(await all.nextLine(), /^goods +10\.0\.0\.5:80 +up/);
    assert.match(await all.nextLine(), /^user@dc2 +10\.0\.0\.6:80 +up/);
    assert.equal((await all.end()).code, 0);
    const one = endpoints(t, ['user@dc2', '--json', '--admin', `${address}/`]);
    const [row, ...more] = JSON.parse(await one.nextLine());
    assert.deepEqual(row, { service: 'user@dc2', ...endpointView('10.0.0.6:80') });
    assert.deepEqual(more, []);
  });

  test('says which service there is not', async (t) => {
    const { address } = await openAdmin(t, fakeGateway());
    assert.deepEqual(await endpoints(t, ['nosuch', '--admin', address]).end(), {
      code: 1,
      err: 'watchgate: the gateway knows no service "nosuch"\n',
    });
  });

  test('needs the token that the gateway has, from a flag or the environment', async (t) => {
    const { address } = await openAdmin(t, fakeGateway(), 0, 's3cret');
    const refused = await endpoints(t, ['--watch', '--admin', address], {
      WATCHGATE_ADMIN_TOKEN: 'wrong',
    }).end();
    assert.equal(refused.code, 1);
    assert.equal(
      refused.err,
      `watchgate: ${address} refused the token: set WATCHGATE_ADMIN_TOKEN or --token to its adminToken\n`,
    );
    const accepted = endpoints(t, ['--admin', address], { WATCHGATE_ADMIN_TOKEN: 's3cret' });
    assert.equal((await accepted.end()).code, 0);
  });

  test('--watch tells what is there and each change of the service as it happens', async (t) => {
    const gateway = fakeGateway();
    const { address } = await openAdmin(t, gateway);
    const watching = endpoints(t, ['goods', '--watch', '--admin', address]);
    assert.match(await watching.nextLine(), /^= .* goods 10\.0\.0\.5:80 listed, up \(snapshot\)$/);
    gateway.hub.announce('membership', membershipChange({ service: 'other' }));
    gateway.hub.announce('membership', membershipChange({ address: '10.0.0.6:80' }));
    assert.equal(
      await watching.nextLine(),
      '+ 2026-01-02T03:04:05.000Z goods 10.0.0.6:80 joined, up (registered)',
    );
    gateway.hub.announce('membership', membershipChange({ change: 'left', state: 'gone', cause: 'removed' }));
    assert.equal(
      await watching.nextLine(),
      '- 2026-01-02T03:04:05.000Z goods 10.0.0.5:80 left, gone (removed)',
    );
  });

  test('--watch survives a restart of the gateway and tells what it missed', async (t) => {
    const gateway = fakeGateway();
    const port = await freePort();
    const first = await openAdmin(t, gateway, port);
    const watching = endpoints(t, ['--watch', '--json', '--admin', first.address]);
    assert.equal(JSON.parse(await watching.nextLine()).change, 'listed');
    const complaint = once(watching.child.stderr, 'data');
    await first.close();
    assert.match(String(await complaint), /^watchgate: connection lost, reconnecting: /);
    gateway.services = [serviceView('goods', [endpointView('10.0.0.7:80')])];
    await openAdmin(t, gateway, port);
    const told = [JSON.parse(await watching.nextLine()), JSON.parse(await watching.nextLine())];
    assert.deepEqual(
      told.map(({ change, address, cause }) => [change, address, cause]),
      [
        ['left', '10.0.0.5:80', 'reconnected'],
        ['joined', '10.0.0.7:80', 'reconnected'],
      ],
    );
  });

  test('--watch ends quietly when its reader has had enough', async (t) => {
    const gateway = fakeGateway();
    const { address } = await openAdmin(t, gateway);
    const watching = endpoints(t, ['--watch', '--admin', address]);
    await watching.nextLine();
    watching.child.stdout.destroy();
    const ended = watching.end();
    const announcing = setInterval(() => gateway.hub.announce('membership', membershipChange()), 20);
    t.after(() => clearInterval(announcing));
    assert.deepEqual(await ended, { code: 0, err: '' });
  });
});
