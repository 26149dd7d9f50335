import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EventHub, type MembershipChange, type RequestRecord } from '../../src/core/events.js';
import { createAccessLog } from '../../src/observability/access-log.js';
import { openLogStream } from '../../src/observability/log-stream.js';
import { createLogger } from '../../src/observability/logger.js';
import { logMembership } from '../../src/observability/membership-log.js';
import { logOperations } from '../../src/observability/operations-log.js';

const served: RequestRecord = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  at: 0,
  method: 'GET',
  path: '/goods/list',
  route: '/goods',
  service: 'goods',
  endpoint: '10.0.0.5:80',
  status: 200,
  cause: undefined,
  attempts: 1,
  durationMs: 12.34567,
  upstreamMs: 11,
  bytesIn: 0,
  bytesOut: 70,
  client: '192.0.2.1',
  tries: [],
};
const unrouted: RequestRecord = {
  ...served,
  route: undefined,
  service: undefined,
  endpoint: undefined,
  status: 404,
  cause: 'NO_ROUTE',
  attempts: 0,
};
const joined: MembershipChange = {
  at: 0,
  source: 'main',
  service: 'goods',
  address: '10.0.0.5:80',
  key: '/service_registry_discovery/goods/pod-1',
  change: 'joined',
  state: 'up',
  cause: 'registered',
  revision: '7',
  endpointsLeft: 3,
};

type Line = Record<string, unknown>;

/** A destination that keeps what is written to it. */
function memory(): { write(line: string): void; lines(): Line[] } {
  const written: string[] = [];
  return {
    write: (line) => void written.push(line),
    lines: () =>
      written.map((line) => {
        const { time, ...rest }: Line = JSON.parse(line);
        assert.equal(typeof time, 'number');
        return rest;
      }),
  };
}

describe('the access log', () => {
  function logged(mode: 'all' | 'errors' | 'off', ...requests: RequestRecord[]): Line[] {
    const hub = new EventHub();
    const stream = memory();
    createAccessLog(hub, { mode, level: 'info', stream });
    for (const request of requests) hub.announce('request', request);
    return stream.lines();
  }

  test('a line holds exactly the documented fields', () => {
    assert.deepEqual(logged('all', served), [
      {
        level: 'info',
        trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
        method: 'GET',
        path: '/goods/list',
        route: '/goods',
        service: 'goods',
        endpoint: '10.0.0.5:80',
        status: 200,
        code: null,
        attempts: 1,
        duration_ms: 12.346,
        upstream_ms: 11,
        bytes_in: 0,
        bytes_out: 70,
        client: '192.0.2.1',
        msg: 'request',
      },
    ]);
  });

  test('a request without a route has the same fields, null', () => {
    const [line] = logged('all', unrouted);
    assert.deepEqual(
      [line?.['route'], line?.['service'], line?.['endpoint'], line?.['code'], line?.['level']],
      [null, null, null, 'NO_ROUTE', 'info'],
    );
  });

  test('errors keeps gateway failures and 5xx answers only; off keeps nothing', () => {
    const refused = { ...served, status: 404 };
    const broken = { ...served, status: 503 };
    const statuses = (lines: Line[]) => lines.map((line) => line['status']);
    assert.deepEqual(statuses(logged('errors', served, refused, broken, unrouted)), [503, 404]);
    assert.deepEqual(logged('off', served, broken), []);
  });

  test('a path cannot forge a second line', () => {
    const [line, ...more] = logged('all', { ...served, path: '/a\n{"level":"fatal"}' });
    assert.equal(line?.['path'], '/a\n{"level":"fatal"}');
    assert.deepEqual(more, []);
  });

  test('a closed log no longer listens', async () => {
    const hub = new EventHub();
    const stream = memory();
    await createAccessLog(hub, { mode: 'all', level: 'info', stream }).close();
    hub.announce('request', served);
    assert.deepEqual(stream.lines(), []);
  });
});

describe('the operator log', () => {
  test('a membership change names everything that is needed to find it in the registry', () => {
    const hub = new EventHub();
    const stream = memory();
    const stop = logMembership(hub, createLogger({ level: 'info', destination: stream }));
    hub.announce('membership', joined);
    stop();
    hub.announce('membership', joined);
    assert.deepEqual(stream.lines(), [
      {
        level: 'info',
        source: 'main',
        service: 'goods',
        address: '10.0.0.5:80',
        key: '/service_registry_discovery/goods/pod-1',
        change: 'joined',
        state: 'up',
        cause: 'registered',
        revision: '7',
        endpoints_left: 3,
        msg: 'endpoint joined',
      },
    ]);
  });

  test('the last endpoint leaving is a warning', () => {
    const hub = new EventHub();
    const stream = memory();
    logMembership(hub, createLogger({ level: 'warn', destination: stream }));
    hub.announce('membership', {
      ...joined,
      change: 'left',
      state: 'gone',
      cause: 'removed',
      endpointsLeft: 1,
    });
    hub.announce('membership', {
      ...joined,
      change: 'left',
      state: 'gone',
      cause: 'removed',
      endpointsLeft: 0,
    });
    assert.deepEqual(
      stream.lines().map((line) => line['endpoints_left']),
      [0],
    );
  });

  test('registry and configuration events have the level that their meaning deserves', () => {
    const hub = new EventHub();
    const stream = memory();
    const stop = logOperations(hub, createLogger({ level: 'info', destination: stream }));
    hub.announce('source', { at: 0, source: 'main', kind: 'disconnected', detail: 'stream ended' });
    hub.announce('source', { at: 0, source: 'main', kind: 'drift', detail: '1 key' });
    hub.announce('config', { at: 0, generation: 2, ok: true, detail: ['route /goods added'] });
    hub.announce('config', { at: 0, generation: 2, ok: false, detail: ['routes.yaml:3:1: unknown key'] });
    stop();
    assert.deepEqual(
      stream.lines().map((line) => [line['level'], line['msg']]),
      [
        ['warn', 'registry disconnected'],
        ['error', 'registry drift'],
        ['info', 'configuration taken'],
        ['error', 'configuration refused, the old one stays'],
      ],
    );
  });

  test('a secret in a log line is hidden', () => {
    const stream = memory();
    createLogger({ level: 'info', destination: stream }).info(
      { registry: { password: 'hunter2' } },
      'started',
    );
    assert.doesNotMatch(JSON.stringify(stream.lines()), /hunter2/);
  });
});

describe('the log stream', () => {
  test('what was written is in the file once close has resolved', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'watchgate-log-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'access.log');
    const stream = openLogStream(file);
    for (let line = 0; line < 1000; line += 1) stream.write(`${line}\n`);
    await stream.close();
    assert.equal((await readFile(file, 'utf8')).trimEnd().split('\n').length, 1000);
    assert.equal(stream.dropped, 0);
    stream.write('too late\n');
    assert.equal(stream.dropped, 1);
  });

  test('a full disk costs lines, not the process, and the loss is counted', async () => {
    const stream = openLogStream('/dev/full');
    const line = `${'x'.repeat(1023)}\n`;
    for (let written = 0; written < 9 * 1024; written += 1) stream.write(line);
    assert.ok(stream.dropped >= 1024, `dropped ${stream.dropped}`);
    await stream.close();
  });

  test('a reader that closes the pipe does not end the process', async () => {
    const script = `
      import { openLogStream } from './src/observability/log-stream.ts';
      const stream = openLogStream(1);
      stream.write('ready\\n');
      process.stdin.resume();
      process.stdin.once('end', async () => {
        for (let line = 0; line < 10_000; line += 1) {
          stream.write('after the reader has gone\\n');
          if (line % 100 === 0) await new Promise(setImmediate);
        }
        await stream.close();
        process.exit(42);
      });`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    child.stderr.setEncoding('utf8');
    let complaint = '';
    child.stderr.on('data', (text: string) => {
      complaint += text;
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    child.stdin.end();
    const [code] = await once(child, 'exit');
    assert.equal(code, 42, complaint);
  });
});
