import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { displayWidth } from '../../src/cli/display-width.js';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { fieldOf, head } from '../support/raw-http.js';
import { listenOnLoopback } from '../support/wire.js';

// What people see: the commands on a terminal of its own for each, made by script(1) of util-linux.

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const SCRIPT = ['/usr/bin/script', '/usr/local/bin/script'].find(existsSync);
const PATIENCE_MS = 20_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const ESCAPES = /\x1b\[[\d;?]*[A-Za-z]/g;

interface Terminal {
  /** All that was written to it so far, as it came. */
  readonly text: () => string;
  /** Resolves when it has shown something like this. */
  shows(pattern: RegExp): Promise<void>;
  /** Resolves when the command has ended. */
  readonly ended: Promise<void>;
}

function onTerminal(t: TestContext, columns: number, args: readonly string[], env = {}): Terminal {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn(
    SCRIPT ?? 'script',
    ['-qfec', `stty cols ${columns} rows 24; exec ${command}`, '/dev/null'],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...env } },
  );
  let text = '';
  let look = (): void => {};
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    look();
  });
  t.after(() => child.kill());
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    text: () => text,
    ended,
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${pattern} in ${text}`)), PATIENCE_MS);
        look = () => {
          if (!pattern.test(text)) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      }),
  };
}

/** Lines as they stand on the screen. */
function linesOf(text: string): string[] {
  return text.replace(ESCAPES, '').split(/\r?\n/);
}

/** What takes connections and says nothing. */
async function silentServer(t: TestContext): Promise<number> {
  const held = new Set<Socket>();
  const server = createServer((socket) => held.add(socket.on('error', () => undefined)));
  t.after(() => {
    for (const socket of held) socket.destroy();
    server.close();
  });
  return listenOnLoopback(server);
}

async function gatewayInTrouble(t: TestContext): Promise<{ gateway: GatewayUnderTest; traceId: string }> {
  const services = { goods: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'] };
  const gateway = await startGatewayUnderTest({ routes: routeAll(), services });
  t.after(() => gateway.close());
  const response = await rawRequest(gateway.port, head('GET /list HTTP/1.1', 'Host: a'));
  await gateway.record();
  return { gateway, traceId: fieldOf(response, 'x-trace-id') ?? '' };
}

describe('on a terminal', {
  skip: SCRIPT === undefined && 'there is no script(1) here',
  concurrency: 2,
}, () => {
  for (const columns of [40, 80, 200]) {
    test(`of ${columns} columns no line is wider, but for words that are`, async (t) => {
      const { gateway, traceId } = await gatewayInTrouble(t);
      const admin = ['--admin', `http://127.0.0.1:${gateway.adminPort}`];
      for (const args of [
        ['endpoints'],
        ['top', '--once', '--interval', '100ms'],
        ['journal'],
        ['why', traceId],
        ['why'],
        ['explain', 'GET', '/list'],
        ['explain', 'GET', '/list', '--at', '1ms'],
      ]) {
        const terminal = onTerminal(t, columns, [...args, ...admin]);
        await terminal.ended;
        const lines = linesOf(terminal.text());
        assert.ok(lines.length > 2, terminal.text());
        const wide = lines.filter((line) => displayWidth(line) > columns && /\S \S/.test(line.trim()));
        assert.deepEqual(wide, [], args.join(' '));
      }
    });
  }

  test('endpoints that differ in their port can be told apart, however narrow it is', async (t) => {
    const { gateway } = await gatewayInTrouble(t);
    const admin = `http://127.0.0.1:${gateway.adminPort}`;
    for (const args of [['endpoints'], ['top', '--once', '--interval', '100ms']]) {
      const terminal = onTerminal(t, 36, [...args, '--admin', admin]);
      await terminal.ended;
      for (const port of [1, 2, 3]) assert.match(terminal.text(), new RegExp(`:${port} `), args.join(' '));
    }
  });

  test('what is not well is coloured, unless NO_COLOR is set', async (t) => {
    const { gateway } = await gatewayInTrouble(t);
    const args = ['journal', '--admin', `http://127.0.0.1:${gateway.adminPort}`];
    const [coloured, plain] = [onTerminal(t, 80, args), onTerminal(t, 80, args, { NO_COLOR: '1' })];
    await Promise.all([coloured.ended, plain.ended]);
    assert.match(coloured.text(), ESCAPES);
    assert.doesNotMatch(plain.text(), ESCAPES);
  });

  test('whatever takes longer than a second says what it waits for', async (t) => {
    const port = await silentServer(t);
    const registry = `etcd://127.0.0.1:${port}`;
    const waiting = [
      ['endpoints', '--admin', `http://127.0.0.1:${port}`],
      ['probe', registry],
      ['check', '-c', `${registry}/routes`],
      ['start', '-c', `${registry}/routes`],
      [
        'config',
        '/app',
        '--file',
        join(tmpdir(), 'watchgate-never-written'),
        '--once',
        '--registry',
        registry,
      ],
      ['register', '--service', 'a', '--port', '1', '--address', '127.0.0.1', '--registry', registry],
    ];
    const shown = waiting.map((args) => onTerminal(t, 80, args).shows(/waiting|reading|scanning/));
    await Promise.all(shown);
  });
});
