import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureServers } from '../../scripts/servers.mjs';
import { freePort } from './free-ports.js';

const READY_WITHIN_MS = 30_000;

const { found, missing } = await ensureServers(['prometheus']);
if (process.env['CI'] === 'true' && missing.length > 0) throw new Error(missing.join('\n'));

/** Undefined when Prometheus can be run here, else why not, as `skip` of a test takes it. */
export const prometheusMissing: string | undefined = missing[0];

function commandPath(name: 'prometheus' | 'promtool'): string {
  const path = found['prometheus']?.commands[name];
  if (path === undefined) throw new Error(`${name} is not here`);
  return path;
}

export interface PromtoolRun {
  readonly code: number;
  /** Both of its outputs. */
  readonly text: string;
}

/** Runs promtool to its end. A failing check is a result, not an error. */
export function promtool(args: readonly string[], input = ''): Promise<PromtoolRun> {
  return new Promise((resolve) => {
    const child = execFile(commandPath('promtool'), args, { timeout: 20_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, text: stdout + stderr });
    });
    child.stdin?.end(input);
  });
}

/** One series of the answer to a query. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusOptions {
  /** `host:port` of each `/metrics`. */
  readonly targets: readonly string[];
  /** Text of a file of rules. */
  readonly rules: string;
  /** Of scrapes and of rules. */
  readonly intervalMs: number;
}

/** A Prometheus of its own that scrapes and evaluates. Ends with the test. */
export class Prometheus {
  readonly #base: string;

  private constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`;
  }

  /** Resolves when it answers queries. */
  static async start(t: TestContext, options: PrometheusOptions): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'watchgate-prometheus-'));
    t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    await writeFile(join(folder, 'rules.yaml'), options.rules);
    await writeFile(join(folder, 'prometheus.yaml'), settings(options));
    const port = await freePort();
    const child = spawn(
      commandPath('prometheus'),
      [
        `--config.file=${join(folder, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, GOMAXPROCS: '1' } },
    );
    const closed = once(child, 'close');
    t.after(async () => {
      child.kill('SIGKILL');
      await closed;
    });
    const prometheus = new Prometheus(port);
    await prometheus.#ready(child);
    return prometheus;
  }

  /** The value of an expression now. Throws what Prometheus says is wrong with it. */
  async query(expression: string): Promise<readonly Sample[]> {
    const query = new URLSearchParams({ query: expression });
    const answer = await this.#get<VectorAnswer>(`/api/v1/query?${query}`);
    return answer.result.map(({ metric, value: [, text] }) => ({ labels: metric, value: Number(text) }));
  }

  /** Names of the alerts that are firing. */
  async firing(): Promise<readonly string[]> {
    const { alerts } = await this.#get<AlertsAnswer>('/api/v1/alerts');
    return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(this.#base + path, { signal: AbortSignal.timeout(10_000) });
    const body: { status: string; data: T; error?: string } = JSON.parse(await response.text());
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`);
    return body.data;
  }

  async #ready(child: ChildProcess): Promise<void> {
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000);
    });
    const until = performance.now() + READY_WITHIN_MS;
    while (performance.now() < until && child.exitCode === null && child.signalCode === null) {
      const ready = await fetch(`${this.#base}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (ready) return;
      await pause(50);
    }
    throw new Error(`prometheus did not become ready: ${log}`);
  }
}

interface VectorAnswer {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }[];
}

interface AlertsAnswer {
  readonly alerts: readonly {
    readonly state: string;
    readonly labels: { readonly alertname: string };
  }[];
}

function settings({ targets, intervalMs }: PrometheusOptions): string {
  const interval = `${intervalMs}ms`;
  return JSON.stringify({
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: 'watchgate', static_configs: [{ targets }] }],
  });
}
