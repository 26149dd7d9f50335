import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureServers } from '../../scripts/servers.mjs';
import { freePorts } from './free-ports.js';

export interface ConsulServer {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Ends without a word to anybody; SIGSTOP makes it hang, SIGCONT go on. */
  kill(signal?: NodeJS.Signals): void;
  /** Ends the process if it still runs and starts it on the same ports, with nothing in it. */
  restartEmpty(): Promise<void>;
  /** Calls its HTTP API; rejects when the status is not 200. */
  api<T>(method: 'GET' | 'PUT', path: string, body?: unknown, token?: string): Promise<T>;
  /** Registers a service on the agent, with a TTL check that passes unless it is said otherwise. */
  register(service: RegisteredService): Promise<void>;
  /** Ends the process and removes its data. Idempotent. */
  stop(): Promise<void>;
}

/** A service as tests register it. */
export interface RegisteredService {
  readonly id: string;
  readonly name: string;
  readonly address?: string;
  readonly port: number;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly weight?: number;
  readonly status?: 'passing' | 'critical';
  readonly ttl?: string;
}

export interface ConsulOptions {
  /** Settings of the agent, as in its configuration files. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const READY_WITHIN_MS = 20_000;

const { found, missing } = await ensureServers(['consul']);
if (process.env['CI'] === 'true' && missing.length > 0) throw new Error(missing.join('\n'));

/** Undefined when Consul can be run here, else why not, as `skip` of a test takes it. */
export const consulMissing: string | undefined = missing[0];

/** A dev agent on given ports: a server and an agent in one, in memory. */
class ConsulProcess implements ConsulServer {
  readonly address: string;
  readonly endpoint: string;
  readonly #folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #log = '';
  readonly #cleanAtExit = (): void => {
    this.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };

  constructor(folder: string, ports: readonly number[], { settings = {} }: ConsulOptions) {
    const [http, server, serf] = ports;
    this.address = `127.0.0.1:${http}`;
    this.endpoint = `http://${this.address}`;
    this.#folder = folder;
    this.#args = [
      ...['agent', '-dev', '-bind=127.0.0.1', '-client=127.0.0.1', '-node=only', '-log-level=warn'],
      ...[`-http-port=${http}`, `-server-port=${server}`, `-serf-lan-port=${serf}`],
      ...['-serf-wan-port=-1', '-dns-port=-1', '-grpc-port=-1'],
      `-hcl=${JSON.stringify({ disable_update_check: true, ...settings })}`,
    ];
    process.once('exit', this.#cleanAtExit);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child?.kill(signal);
  }

  async start(): Promise<void> {
    this.#log = '';
    const command = found['consul']?.commands['consul'];
    if (command === undefined) throw new Error('consul is not here');
    const child = spawn(command, this.#args, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-4000);
      });
    }
    this.#child = child;
    await this.#ready(child);
  }

  async restartEmpty(): Promise<void> {
    await this.#end();
    await this.start();
  }

  async stop(): Promise<void> {
    process.off('exit', this.#cleanAtExit);
    await this.#end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async api<T>(method: 'GET' | 'PUT', path: string, body?: unknown, token?: string): Promise<T> {
    const response = await fetch(`${this.endpoint}${path}`, {
      method,
      headers: { ...(token && { 'x-consul-token': token }) },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text === '' ? 'null' : text);
  }

  async register(service: RegisteredService): Promise<void> {
    const { id, name, address, port, tags, meta, weight, status = 'passing', ttl = '60s' } = service;
    await this.api('PUT', '/v1/agent/service/register', {
      ID: id,
      Name: name,
      Port: port,
      ...(address !== undefined && { Address: address }),
      ...(tags !== undefined && { Tags: tags }),
      ...(meta !== undefined && { Meta: meta }),
      ...(weight !== undefined && { Weights: { Passing: weight, Warning: 1 } }),
      Check: { CheckID: `service:${id}`, TTL: ttl, Status: status },
    });
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
    throw new Error(`consul did not become ready: ${this.#log}`);
  }

  /** Whether it has a leader, and has registered itself with it. */
  async #healthy(): Promise<boolean> {
    try {
      const response = await fetch(`${this.endpoint}/v1/catalog/service/consul`, {
        signal: AbortSignal.timeout(2_000),
      });
      // With access control the answer is another one, but it comes only once there is a leader.
      const text = await response.text();
      return response.status === 403 || (response.status === 200 && text.length > 2) || text.trim() === '[]';
    } catch {
      return false;
    }
  }
}

/** Starts a Consul and waits until it answers. Another process may take a port meanwhile: then it tries others. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulServer> {
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'watchgate-consul-'));
    const server = new ConsulProcess(folder, await freePorts(3), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}
