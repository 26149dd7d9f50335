// `npm run memory`: how much memory a gateway holds with many idle clients, and with many slow readers.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openIdle, openSlowReaders } from './memory-clients.js';
import { PinnedProcess } from './process.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const LIMIT_MIB = 300;
const IDLE_CLIENTS = 10_000;
const SLOW_READERS = 200;
const LARGE_BYTES = 100 * 1024 ** 2;
const WATCHED_MS = 10_000;
const SAMPLE_MS = 100;

interface Case {
  readonly name: string;
  /** Opens the clients on a gateway; resolves to what there is to say of them when they have been watched. */
  open(port: number): Promise<() => string>;
}

const CASES: readonly Case[] = [
  { name: 'no clients', open: async () => () => '' },
  {
    name: `${IDLE_CLIENTS.toLocaleString('en')} idle connections`,
    open: (port) => openIdle(port, IDLE_CLIENTS),
  },
  {
    name: `${SLOW_READERS} slow readers of 100 MB each`,
    open: (port) => openSlowReaders(port, SLOW_READERS, LARGE_BYTES),
  },
];

/** Answers `/large` with 100 MB as fast as they are taken, and anything else with two bytes. */
async function startEndpoint(): Promise<Server> {
  const piece = Buffer.alloc(64 * 1024, 'x');
  const server = createServer((request, response) => {
    if (request.url !== '/large') {
      response.end('ok');
      return;
    }
    response.setHeader('content-length', LARGE_BYTES);
    let left = LARGE_BYTES;
    const write = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!response.write(piece)) return;
      }
      response.end();
    };
    response.on('drain', write);
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function startGateway(
  folder: string,
  server: Server,
): Promise<{ gateway: PinnedProcess; port: number }> {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const [endpoints, routes, log] = ['endpoints.yaml', 'routes.yaml', 'log'].map((name) => join(folder, name));
  writeFileSync(`${endpoints}`, `services: { goods: ['127.0.0.1:${port}'] }\n`);
  writeFileSync(
    `${routes}`,
    [
      'listen: 127.0.0.1:0',
      'admin: 127.0.0.1:0',
      "accessLog: 'off'",
      `registry: { type: file, path: ${endpoints} }`,
      'routes: [{ prefix: /, service: goods }]',
      '',
    ].join('\n'),
  );
  const cores = `0-${availableParallelism() - 1}`;
  const launch = { file: process.execPath, args: [MAIN, 'start', '-c', `${routes}`] };
  const gateway = new PinnedProcess({ ...launch, env: { NODE_ENV: 'production' } }, { cores, log: `${log}` });
  const listening = (): string | undefined =>
    /listening on \S+:(\d+), admin/.exec(readFileSync(`${log}`, 'utf8'))?.[1];
  await gateway.until(async () => listening() !== undefined);
  const opened = Number(listening());
  await gateway.until(async () => (await fetch(`http://127.0.0.1:${opened}/`)).ok);
  return { gateway, port: opened };
}

/** The most that the gateway held while it was watched, MiB. */
async function mostRss(gateway: PinnedProcess): Promise<number> {
  let most = 0;
  for (let waited = 0; waited < WATCHED_MS; waited += SAMPLE_MS) {
    most = Math.max(most, gateway.rssKiB());
    await pause(SAMPLE_MS);
  }
  return Math.round(most / 1024);
}

async function measure({ name, open }: Case): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'watchgate-memory-'));
  const server = await startEndpoint();
  try {
    const { gateway, port } = await startGateway(folder, server);
    try {
      const close = await open(port);
      const most = await mostRss(gateway);
      const within = most < LIMIT_MIB;
      const verdict = within ? 'within' : 'ABOVE';
      process.stdout.write(
        `${name.padEnd(32)} ${String(most).padStart(5)} MiB, ${verdict} ${LIMIT_MIB}  ${close()}\n`,
      );
      return within;
    } finally {
      await gateway.stop();
    }
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

for (const one of CASES) if (!(await measure(one))) process.exitCode = 1;
