import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type EtcdServer, etcdctl, startEtcd } from '../support/etcd-server.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const SERVICE = process.env['WATCHGATE_GO_SERVICE'] ?? assert.fail('run it with npm run test:go');
const PREFIX = '/service_registry_discovery';
const LEASE_SECONDS = 3;
const PASSWORD = 'a password with :/@ in it';

interface Answer {
  readonly status: number;
  readonly code: unknown;
  readonly message: unknown;
  readonly traceId: unknown;
  readonly traceHeader: string | null;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** The first line of its output, on either stream, that matches; the rest is read and dropped. */
function firstLine(child: ChildProcess, wanted: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (line) => {
        seen.push(line);
        const match = wanted.exec(line);
        if (match !== null) resolve(match);
      });
    }
    child.once('exit', () => reject(new Error(`ended without saying ${wanted}: ${seen.join('\n')}`)));
  });
}

function defined(text: string | undefined): string {
  return text ?? assert.fail('a part of the line is missing');
}

/** Repeats `look` until it holds; resolves to the milliseconds that took. */
async function until(what: string, look: () => Promise<boolean>, withinMs = 10_000): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < withinMs) {
    if (await look()) return performance.now() - startedAt;
    await sleep(10);
  }
  return assert.fail(`not within ${withinMs} ms: ${what}`);
}

describe('Go services that register through etcd with a password', () => {
  let etcd: EtcdServer;
  let gateway: ChildProcess;
  let folder: string;
  let url: string;
  const services = new Set<ChildProcess>();

  before(async () => {
    etcd = await startEtcd('3.5');
    await requirePasswords();
    folder = await mkdtemp(join(tmpdir(), 'watchgate-go-'));
    await writeFile(join(folder, 'routes.yaml'), routes());
    const admin = await startGateway();
    await until('the gateway is ready', () => answers(`${admin}/readyz`));
  });

  after(async () => {
    for (const child of services) child.kill('SIGKILL');
    gateway?.kill('SIGKILL');
    await Promise.all([...services, gateway].map(ended));
    await etcd?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function routes(): string {
    return [
      'listen: 127.0.0.1:0',
      'admin: 127.0.0.1:0',
      'accessLog: off',
      'registry:',
      '  type: etcd',
      `  endpoints: [${etcd.endpoint}]`,
      `  prefix: ${PREFIX}`,
      '  username: gateway',
      `  password: ${JSON.stringify(PASSWORD)}`,
      'routes:',
      '  - prefix: /goods',
      '    service: goods',
    ].join('\n');
  }

  /** Resolves to the address of the admin port, which it says together with its own. */
  async function startGateway(): Promise<string> {
    const args = [MAIN, 'start', '-c', join(folder, 'routes.yaml')];
    gateway = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = firstLine(gateway, /^listening on (http\S+), admin on (?:http:\/\/)?(\S+)$/);
    const [, address, admin] = await said;
    url = defined(address);
    return `http://${defined(admin)}`;
  }

  /** Two users with the least that each needs: services write below the prefix, the gateway reads it. */
  async function requirePasswords(): Promise<void> {
    for (const args of [
      ['user', 'add', `root:${PASSWORD}`],
      ['user', 'grant-role', 'root', 'root'],
      ['role', 'add', 'service'],
      ['role', 'grant-permission', 'service', 'readwrite', `${PREFIX}/`, '--prefix'],
      ['user', 'add', `service:${PASSWORD}`],
      ['user', 'grant-role', 'service', 'service'],
      ['role', 'add', 'gateway'],
      ['role', 'grant-permission', 'gateway', 'read', `${PREFIX}/`, '--prefix'],
      ['user', 'add', `gateway:${PASSWORD}`],
      ['user', 'grant-role', 'gateway', 'gateway'],
      ['auth', 'enable'],
    ]) {
      const { code, stderr } = await etcdctl('3.5', etcd.endpoint, args);
      assert.equal(code, 0, `etcdctl ${args.join(' ')}: ${stderr}`);
    }
  }

  /** Starts a service and waits until it says that it has registered. */
  async function startService(hostKey: string): Promise<ChildProcess> {
    const env = {
      ETCD_ENDPOINTS: etcd.endpoint,
      ETCD_USERNAME: 'service',
      ETCD_PASSWORD: PASSWORD,
      GOODS_HOST_KEY: hostKey,
      GOODS_TTL: String(LEASE_SECONDS),
    };
    const child = spawn(SERVICE, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    services.add(child);
    await firstLine(child, /^goods: registered /);
    return child;
  }

  async function answers(address: string): Promise<boolean> {
    return fetch(address).then(
      (response) => response.ok,
      () => false,
    );
  }

  async function goods(init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${url}/goods/list`, init);
    const body: Record<string, unknown> = JSON.parse(await response.text());
    return {
      status: response.status,
      code: body['code'],
      message: body['message'],
      traceId: body['trace_id'],
      traceHeader: response.headers.get('x-trace-id'),
    };
  }

  async function gone(): Promise<boolean> {
    return (await goods()).code === 'NO_ENDPOINT';
  }

  async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    child.kill(signal);
    await ended(child);
    services.delete(child);
  }

  test('are served as soon as they have registered', async () => {
    const service = await startService('first');
    const waited = await until('the service is served', async () => (await goods()).status === 200);
    assert.ok(waited < 1_000, `served only after ${waited} ms`);
    const answer = await goods();
    assert.equal(answer.code, 0);
    assert.equal(answer.message, 'get goods list success');
    assert.match(String(answer.traceId), /^[0-9a-f]{32}$/);
    assert.equal(answer.traceId, answer.traceHeader);
    await stop(service, 'SIGTERM');
    await until('it is gone', gone);
  });

  test('get the body of a POST', async () => {
    const service = await startService('first');
    await until('the service is served', async () => (await goods()).status === 200);
    const body = JSON.stringify({ trace_id: 'from the client' });
    const answer = await goods({ method: 'POST', body, headers: { 'content-type': 'application/json' } });
    assert.equal(answer.traceId, 'from the client');
    await stop(service, 'SIGTERM');
    await until('it is gone', gone);
  });

  test('leave at once on SIGTERM, and no request fails while another is there', async () => {
    const leaving = await startService('leaving');
    const staying = await startService('staying');
    await until('a service is served', async () => (await goods()).status === 200);
    let asking = true;
    const statuses: number[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (asking) statuses.push((await goods()).status);
    });
    await stop(leaving, 'SIGTERM');
    asking = false;
    await Promise.all(clients);
    assert.ok(statuses.length > 100, `only ${statuses.length} requests`);
    assert.deepEqual(
      statuses.filter((status) => status !== 200),
      [],
    );

    // The last one is doubted, for a revoked lease looks like an expired one: it is asked, each second, and
    // used for as long as it answers.
    const left = until('the last service has left', gone, 5_000);
    await stop(staying, 'SIGTERM');
    const stoppedAt = performance.now();
    await left;
    const ms = performance.now() - stoppedAt;
    assert.ok(ms < 2_000, `left only ${ms} ms after its end`);
  });

  test('leave after their lease when they are killed', async () => {
    const service = await startService('killed');
    await until('the service is served', async () => (await goods()).status === 200);
    await stop(service, 'SIGKILL');
    const ms = await until('the lease has ended', gone);
    // It was renewed at most a third of the lease ago, and etcd looks for ended leases twice a second.
    assert.ok(ms > (LEASE_SECONDS * 1000) / 2, `left after ${ms} ms, before the lease could end`);
    assert.ok(ms < LEASE_SECONDS * 1000 + 2_000, `left only after ${ms} ms`);
  });
});
