import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startAdmin } from '../../src/admin/server.js';
import { createJournal } from '../../src/observability/journal.js';
import { runCommand } from '../support/command.js';
import { endpointView, fakeGateway, serviceView } from '../support/fake-gateway.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** Of util-linux: what it runs has a terminal of its own, which does not say its size. Without it, nothing is asked. */
const SCRIPT = process.platform === 'linux' ? ['/usr/bin/script', '/bin/script'].find(existsSync) : undefined;

/** A gateway that has always had 50 more requests than the last time it was asked. */
async function busyGateway(t: TestContext, token?: string): Promise<string> {
  const gateway = fakeGateway();
  let served = 0;
  const admin = await startAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    token,
    views: gateway.views,
    actions: gateway.actions,
    journal: createJournal(gateway.hub),
    metricsText: async () => {
      served += 50;
      gateway.services = [serviceView('goods', [endpointView('10.0.0.5:80', { requests: served })])];
      return `watchgate_requests_total{route="/goods",service="goods",method="GET",code="200"} ${served}\n`;
    },
  });
  t.after(() => admin.close());
  return admin.address;
}

describe('watchgate top', { concurrency: true, timeout: 60_000 }, () => {
  test('into a pipe measures once, and prints a table without colour', async (t) => {
    const admin = await busyGateway(t);
    const { code, out, err } = await runCommand('top', '--interval', '100ms', '--admin', admin);
    assert.deepEqual([code, err], [0, '']);
    const [heading = '', goods = '', endpoint = ''] = out.split('\n');
    assert.match(heading, /^SERVICE +STATE +REQ\/S +ERRORS +P99 +LATENCY +IN-FLIGHT$/);
    assert.match(goods, /^goods +\d+(\.\d)? +0% +- +0$/);
    assert.match(endpoint, /^ {2}10\.0\.0\.5:80 +up /);
  });

  test('--once --json is for scripts', async (t) => {
    const admin = await busyGateway(t);
    const { out } = await runCommand('top', '--once', '--json', '--interval', '100ms', '--admin', admin);
    const [goods, ...more] = JSON.parse(out);
    assert.equal(goods.service, 'goods');
    assert.ok(goods.requestsPerSecond > 0 && goods.requestsPerSecond <= 500, String(goods.requestsPerSecond));
    assert.deepEqual(more, []);
  });

  test('says what is wrong in one line', async (t) => {
    const admin = await busyGateway(t, 's3cret');
    const refused = await runCommand('top', '--interval', '100ms', '--admin', admin);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^watchgate: .* refused the token: .*\n$/);
    const unknown = await runCommand(
      'top',
      'nosuch',
      '--interval',
      '100ms',
      '--token',
      's3cret',
      '--admin',
      admin,
    );
    assert.deepEqual([unknown.code, unknown.err], [1, 'watchgate: the gateway knows no service "nosuch"\n']);
  });

  if (SCRIPT !== undefined) {
    test('on a terminal draws again and again, sorts by a key, and gives the terminal back at q', async (t) => {
      const admin = await busyGateway(t);
      const terminal = onTerminal(t, `'${process.execPath}' '${MAIN}' top --interval 100ms --admin ${admin}`);
      await terminal.shows('live, by requests');
      await terminal.shows('\x1b[1mgoods\x1b[22m');
      terminal.type('n');
      await terminal.shows('live, by name');
      terminal.type('q');
      assert.equal(await terminal.end(), 0);
      assert.ok(terminal.text().startsWith('\x1b[?1049h') && terminal.text().endsWith('\x1b[?1049l'));
    });
  }
});

interface Terminal {
  type(keys: string): void;
  text(): string;
  /** Resolves when what has been written since the start holds this. */
  shows(wanted: string): Promise<void>;
  /** Resolves to the exit code of the command. */
  end(): Promise<number | null>;
}

function onTerminal(t: TestContext, command: string): Terminal {
  const child = spawn(SCRIPT ?? 'script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
  });
  t.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return {
    type: (keys) => void child.stdin.write(keys),
    text: () => text,
    async shows(wanted) {
      while (!text.includes(wanted)) {
        const [piece] = await Promise.race([once(child.stdout, 'data'), closed]);
        if (typeof piece !== 'string') assert.fail(`ended without ${wanted}: ${text}`);
      }
    },
    async end() {
      const [code] = await closed;
      return code;
    },
  };
}
