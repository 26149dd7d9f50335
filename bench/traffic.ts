import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestServer } from '../scripts/servers.mjs';
import type { Traffic } from './loads.js';

const run = promisify(execFile);

/** What one burst of traffic met. Times in microseconds. */
export interface Burst {
  readonly requests: number;
  readonly micros: number;
  /** Received, heads included. */
  readonly bytes: number;
  /** Connections refused or broken, timeouts, and answers of 400 and above. */
  readonly errors: number;
  readonly p50: number;
  readonly p99: number;
}

const DONE = `
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"micros":%d,"bytes":%.0f,"errors":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.duration, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/** What wrk sends, in its Lua. A request that is always the same is left to wrk, which then prepares it once. */
function script({ method = 'GET', paths, bodyBytes = 0, headers = {} }: HttpTraffic): string {
  const lines = [`wrk.method = "${method}"`];
  if (bodyBytes > 0) lines.push(`wrk.body = string.rep("x", ${bodyBytes})`);
  for (const [name, value] of Object.entries(headers)) lines.push(`wrk.headers["${name}"] = "${value}"`);
  if (paths.length > 1) {
    lines.push(
      `local paths = { ${paths.map((path) => `"${path}"`).join(', ')} }`,
      'local prepared, at = {}, 0',
      'init = function() for i, path in ipairs(paths) do prepared[i] = wrk.format(nil, path) end end',
      'request = function() at = at % #prepared + 1; return prepared[at] end',
    );
  }
  return `${lines.join('\n')}\n${DONE}`;
}

type HttpTraffic = Extract<Traffic, { kind: 'http' }>;

/** Sends traffic from the given cores. */
export class TrafficSource {
  readonly #wrk: TestServer;
  readonly #folder: string;
  readonly #cores: string;

  constructor(wrk: TestServer, folder: string, cores: string) {
    this.#wrk = wrk;
    this.#folder = folder;
    this.#cores = cores;
  }

  /** Keeps `address` busy for so many seconds. Throws when nothing came back. */
  async send(address: string, traffic: Traffic, seconds: number): Promise<Burst> {
    const args =
      traffic.kind === 'http' ? this.#wrkArgs(address, traffic, seconds) : echo(address, traffic, seconds);
    const { stdout } = await run('taskset', ['-c', this.#cores, ...args], {
      env: { ...process.env, ...this.#wrk.env },
      timeout: (seconds + 60) * 1000,
      killSignal: 'SIGKILL',
    });
    const line = stdout.split('\n').find((text) => text.startsWith('{'));
    const burst: unknown = JSON.parse(line ?? 'null');
    if (!isBurst(burst)) throw new Error(`the load generator said: ${stdout}`);
    return burst;
  }

  #wrkArgs(address: string, traffic: HttpTraffic, seconds: number): string[] {
    const file = join(this.#folder, 'traffic.lua');
    writeFileSync(file, script(traffic));
    const url = `http://${address}${traffic.paths[0]}`;
    const size = ['-t', '1', '-c', String(traffic.connections), '-d', `${Math.ceil(seconds)}s`];
    return [this.#wrk.commands['wrk'] ?? '', ...size, '--timeout', '10s', '-s', file, url];
  }
}

function echo(address: string, { connections }: Traffic, seconds: number): string[] {
  const file = fileURLToPath(new URL('servers/websocket-load.mjs', import.meta.url));
  return [process.execPath, file, `ws://${address}/`, String(connections), String(seconds)];
}

function isBurst(value: unknown): value is Burst {
  const fields = ['requests', 'micros', 'bytes', 'errors', 'p50', 'p99'];
  if (typeof value !== 'object' || value === null) return false;
  const found = new Map<string, unknown>(Object.entries(value));
  return fields.every((field) => typeof found.get(field) === 'number');
}
