import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { EtcdMembers } from '../src/etcd/members.js';
import { startEtcd } from '../test/support/etcd-server.js';

/**
 * What a gateway costs to start, how much a large registry takes, and what a burst of changes does to requests.
 * Run after `npm run build`, with: node --import tsx bench/scale.ts
 */
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const LOAD = fileURLToPath(new URL('scale-load.ts', import.meta.url));
const PUTS_PER_TXN = 100;
const STARTS = 7;
const SERVICES = 1000;
const ENDPOINTS = 10_000;
const CHANGES = 5000;
const LOAD_CONNECTIONS = 4;
const CALM_MS = 3000;

const etcd = await startEtcd('3.5');
const members = new EtcdMembers({ endpoints: [etcd.endpoint], clock: systemClock, random: systemRandom });
const folder = mkdtempSync(join(tmpdir(), 'watchgate-scale-'));

/** The one address that answers; all the others are only registered. */
const answering: Server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
await once(answering, 'listening');
const ANSWERING = `127.0.0.1:${(answering.address() as AddressInfo).port}`;

type Entry = readonly [key: string, value: string];

/** Registers, a hundred in each transaction; resolves when the last has been acknowledged. */
async function put(entries: readonly Entry[]): Promise<void> {
  for (let from = 0; from < entries.length; from += PUTS_PER_TXN) {
    const success = entries.slice(from, from + PUTS_PER_TXN).map(([key, value]) => ({
      request_put: { key: Buffer.from(key), value: Buffer.from(value) },
    }));
    await members.current().txn({ success });
  }
}

function filler(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}:8080`;
}

/** Service 0 has the address that answers and no other. */
function registrations(prefix: string, services: number, endpoints: number): Entry[] {
  const rest = Array.from({ length: endpoints - 1 }, (_, index): Entry => {
    const service = services === 1 ? 'other' : `service-${1 + (index % (services - 1))}`;
    return [`${prefix}/${service}/host-${index}`, filler(index)];
  });
  return [[`${prefix}/service-0/host`, ANSWERING], ...rest];
}

class Gateway {
  readonly #child: ChildProcess;
  readonly url: string;
  readonly admin: string;
  /** Milliseconds from its start until it said that it was ready. */
  readonly readyMs: number;

  private constructor(child: ChildProcess, url: string, admin: string, readyMs: number) {
    this.#child = child;
    this.url = url;
    this.admin = admin;
    this.readyMs = readyMs;
  }

  static async start(prefix: string): Promise<Gateway> {
    const file = join(folder, 'routes.yaml');
    const registry = `{ type: etcd, endpoints: ['${etcd.endpoint}'], prefix: ${prefix} }`;
    writeFileSync(
      file,
      `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\naccessLog: 'off'\nautoRoutes: true\nregistry: ${registry}\n`,
    );
    const startedAt = performance.now();
    const child = spawn(process.execPath, [MAIN, 'start', '-c', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    let text = '';
    const found = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
    for await (const piece of child.stdout) {
      text += piece;
      if (found(/listening on (\S+),/) !== undefined && found(/admin on (\S+)/) !== undefined) break;
    }
    const admin = found(/admin on (\S+)/) ?? '';
    while ((await fetch(`${admin}/readyz`)).status !== 200) await pause(1);
    const readyMs = performance.now() - startedAt;
    return new Gateway(child, found(/listening on (\S+),/) ?? '', admin, readyMs);
  }

  rssMib(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

interface Latencies {
  readonly requests: number;
  /** Milliseconds. */
  readonly p99: number;
}

/** Sends requests from a process of its own, until it is stopped: what keeps this one busy must not count. */
async function load(url: string): Promise<{ stop(): Promise<Latencies> }> {
  const child = fork(LOAD, [`${url}/service-0/`, String(LOAD_CONNECTIONS)]);
  await once(child, 'message');
  return {
    async stop() {
      const told = once(child, 'message');
      child.send('stop');
      const [latencies] = await told;
      return latencies as Latencies;
    },
  };
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function coldStart(): Promise<void> {
  await put(registrations('/small', 10, 100));
  const times: number[] = [];
  for (let start = 0; start < STARTS; start += 1) {
    const gateway = await Gateway.start('/small');
    times.push(gateway.readyMs);
    await gateway.stop();
  }
  times.sort((a, b) => a - b);
  say(
    `start to ready, 100 endpoints: median ${percentile(times, 0.5).toFixed(0)} ms of ${STARTS} (400 wanted)`,
  );
}

async function largeRegistry(): Promise<Gateway> {
  await put(registrations('/large', SERVICES, ENDPOINTS));
  const gateway = await Gateway.start('/large');
  const { status } = await fetch(`${gateway.url}/service-0/`);
  const routable = status === 200 ? 'routable' : `answered ${status}`;
  say(
    `start to ready, ${ENDPOINTS} endpoints in ${SERVICES} services: ${gateway.readyMs.toFixed(0)} ms, ${routable} (1,000 wanted)`,
  );
  say(`memory then: ${gateway.rssMib().toFixed(0)} MiB (150 wanted)`);
  return gateway;
}

/** Resolves when the gateway has applied the last of the changes. */
async function applied(gateway: Gateway, address: string): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${gateway.admin}/api/services/service-1`)).text();
    if (text.includes(`"${address}"`)) return;
    await pause(5);
  }
}

async function burst(gateway: Gateway): Promise<void> {
  const calm = await load(gateway.url);
  await pause(CALM_MS);
  const before = await calm.stop();
  const busy = await load(gateway.url);
  const last = '10.255.255.255:8080';
  const changes = Array.from({ length: CHANGES - 1 }, (_, index): Entry => {
    return [`/large/service-${1 + (index % (SERVICES - 1))}/burst-${index}`, filler(ENDPOINTS + index)];
  });
  const sentAt = performance.now();
  await put([...changes, ['/large/service-1/burst-last', last]]);
  const acknowledgedMs = performance.now() - sentAt;
  await applied(gateway, last);
  const appliedMs = performance.now() - sentAt;
  const during = await busy.stop();
  const worse = during.p99 - before.p99;
  say(
    `${CHANGES} changes: applied ${appliedMs.toFixed(0)} ms after the first was sent (1,000 wanted); etcd took ${acknowledgedMs.toFixed(0)} ms of that`,
  );
  say(
    `p99 of requests meanwhile: ${worse.toFixed(1)} ms more than before (20 wanted), over ${during.requests} requests`,
  );
}

try {
  await coldStart();
  const gateway = await largeRegistry();
  await burst(gateway);
  await gateway.stop();
} finally {
  answering.close();
  answering.closeAllConnections();
  members.close();
  await etcd.stop();
  rmSync(folder, { recursive: true, force: true });
}
