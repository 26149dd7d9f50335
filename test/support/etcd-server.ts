import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureServers } from '../../scripts/servers.mjs';
import { freePorts } from './free-ports.js';

export type EtcdVersion = '3.4' | '3.5';

export interface EtcdOptions {
  /** Further flags, after ours. */
  readonly args?: readonly string[];
  /** Two clusters with different tokens have different cluster ids even on the same addresses. */
  readonly clusterToken?: string;
}

export interface EtcdServer {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  /** The full version, `3.5.16`. */
  readonly version: string;
  /** Of the process running now; another one after `restart`. */
  readonly pid: number;
  kill(signal?: NodeJS.Signals): void;
  /** Ends the process if it still runs and starts it on the same ports and data. */
  restart(): Promise<void>;
  /** Ends the process and removes its data. Idempotent. */
  stop(): Promise<void>;
}

export interface EtcdctlResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface EtcdctlOptions {
  readonly input?: string | Buffer;
  readonly signal?: AbortSignal;
}

const ALL: readonly EtcdVersion[] = ['3.4', '3.5'];
const READY_WITHIN_MS = 20_000;

const { found, missing } = await ensureServers(ALL.map((version) => `etcd-${version}`));
if (process.env['CI'] === 'true' && missing.length > 0) throw new Error(missing.join('\n'));

/** The versions that can be run here. With CI=true that is all of them, or loading this file fails. */
export const etcdVersions: readonly EtcdVersion[] = ALL.filter((version) => `etcd-${version}` in found);

/** Path of `etcd` or `etcdctl`. */
export function etcdCommand(version: EtcdVersion, command: 'etcd' | 'etcdctl'): string {
  const path = found[`etcd-${version}`]?.commands[command];
  if (path === undefined) throw new Error(`${command} ${version} is not here`);
  return path;
}

function flags(
  version: EtcdVersion,
  folder: string,
  ports: readonly number[],
  options: EtcdOptions,
): string[] {
  const [client, peer] = ports.map((port) => `http://127.0.0.1:${port}`);
  return [
    `--name=only`,
    `--data-dir=${folder}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=only=${peer}`,
    `--initial-cluster-token=${options.clusterToken ?? 'watchgate-test'}`,
    // Quick, and it makes the shortest lease the server grants one second instead of two.
    '--heartbeat-interval=10',
    '--election-timeout=100',
    '--logger=zap',
    '--log-level=warn',
    ...(version === '3.4' ? [] : ['--unsafe-no-fsync']),
    ...(options.args ?? []),
  ];
}

/** One etcd process on given ports and data. */
class EtcdProcess implements EtcdServer {
  readonly endpoint: string;
  readonly version: string;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #log = '';
  /** A test process that ends early still leaves nothing behind. */
  readonly #cleanAtExit = (): void => {
    this.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };

  constructor(version: EtcdVersion, folder: string, ports: readonly number[], options: EtcdOptions) {
    this.endpoint = `http://127.0.0.1:${ports[0]}`;
    this.version = found[`etcd-${version}`]?.version ?? version;
    this.#command = etcdCommand(version, 'etcd');
    this.#args = flags(version, join(folder, 'data'), ports, options);
    this.#folder = folder;
    process.once('exit', this.#cleanAtExit);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child?.kill(signal);
  }

  async start(): Promise<void> {
    this.#log = '';
    const child = spawn(this.#command, this.#args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-4000);
    });
    this.#child = child;
    await this.#ready(child);
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  async stop(): Promise<void> {
    process.off('exit', this.#cleanAtExit);
    await this.#end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + READY_WITHIN_MS;
    while (performance.now() < deadline) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      if (await this.#healthy()) return;
      await sleep(20);
    }
    throw new Error(`${this.#command} did not become ready: ${this.#log}`);
  }

  async #healthy(): Promise<boolean> {
    try {
      const response = await fetch(`${this.endpoint}/health`, { signal: AbortSignal.timeout(2000) });
      return (await response.text()).includes('"health":"true"');
    } catch {
      return false;
    }
  }
}

/** Starts a one-member etcd and waits until it answers. Another process may take a port meanwhile: then it tries others. */
export async function startEtcd(version: EtcdVersion, options: EtcdOptions = {}): Promise<EtcdServer> {
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'watchgate-etcd-'));
    const server = new EtcdProcess(version, folder, await freePorts(2), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

/** Runs etcdctl to its end. A failing command is a result, not an error. */
export function etcdctl(
  version: EtcdVersion,
  endpoint: string,
  args: readonly string[],
  options: EtcdctlOptions = {},
): Promise<EtcdctlResult> {
  return new Promise((resolve) => {
    const child = execFile(
      etcdCommand(version, 'etcdctl'),
      [`--endpoints=${endpoint}`, ...args],
      { env: { ...process.env, ETCDCTL_API: '3' }, timeout: 20_000, signal: options.signal },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ stdout, stderr, code });
      },
    );
    child.stdin?.end(options.input ?? '');
  });
}
