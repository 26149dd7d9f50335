import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_WITHIN_MS = 30_000;

/** One process of a cluster. */
export class ClusterMember {
  readonly name: string;
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  readonly peer: string;
  readonly #command: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #log = '';

  constructor(name: string, ports: readonly [number, number], command: string, args: readonly string[]) {
    this.name = name;
    this.endpoint = `http://127.0.0.1:${ports[0]}`;
    this.peer = `http://127.0.0.1:${ports[1]}`;
    this.#command = command;
    this.#args = args;
  }

  /** Stops it from running without ending it: it holds its connections and answers nothing. */
  hang(): void {
    this.#child?.kill('SIGSTOP');
  }

  wake(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it without warning; its data stay. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** For a process that has no time left. */
  killNow(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Starts the process. It may need the others before it is healthy. */
  spawn(dataDir: string, initialCluster: string, state: 'new' | 'existing'): void {
    const child = spawn(
      this.#command,
      [
        `--name=${this.name}`,
        `--data-dir=${dataDir}`,
        `--listen-client-urls=${this.endpoint}`,
        `--advertise-client-urls=${this.endpoint}`,
        `--listen-peer-urls=${this.peer}`,
        `--initial-advertise-peer-urls=${this.peer}`,
        `--initial-cluster=${initialCluster}`,
        `--initial-cluster-state=${state}`,
        ...this.#args,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-4000);
    });
    this.#child = child;
  }

  /** Resolves once it answers and knows a leader. */
  async healthy(): Promise<void> {
    const until = performance.now() + READY_WITHIN_MS;
    while (performance.now() < until) {
      const child = this.#child;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) break;
      if (await this.#answers()) return;
      await sleep(20);
    }
    throw new Error(`etcd ${this.name} did not become healthy: ${this.#log}`);
  }

  async #answers(): Promise<boolean> {
    try {
      const response = await fetch(`${this.endpoint}/health`, { signal: AbortSignal.timeout(1_000) });
      return (await response.text()).includes('"health":"true"');
    } catch {
      return false;
    }
  }
}
