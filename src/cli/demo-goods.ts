import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Clock, delay } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';

/** Beside this file's own folder once built; there is none when run from source. */
const GOODS = fileURLToPath(new URL('../examples/goods/main.js', import.meta.url));
/** A goods service needs 200 ms to leave. */
const STOP_TIMEOUT_MS = 3_000;

export interface GoodsFleetOptions {
  readonly registry: string;
  readonly clock: Clock;
  /** Called with each log line of a service, with its line break. */
  readonly onLine: (line: string) => void;
  /** Called when a service has ended, with the signal that ended it, if one did. */
  readonly onEnd: (name: string, signal: NodeJS.Signals | null) => void;
}

/** The goods services of the demo: processes of their own, `goods-1`, `goods-2`, … */
export class GoodsFleet {
  readonly #options: GoodsFleetOptions;
  /** In order of age. */
  readonly #running = new Map<string, ChildProcess>();
  /** Told to stop, and not to be counted any more. */
  readonly #leaving = new Map<string, Promise<void>>();
  #started = 0;

  constructor(options: GoodsFleetOptions) {
    if (!existsSync(GOODS))
      throw new WatchgateError('FILE_UNREADABLE', 'demo: the goods service is not built; run: npm run build');
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Starts one more; answers its name. */
  start(): string {
    this.#started += 1;
    const name = `goods-${this.#started}`;
    const child = spawn(process.execPath, [GOODS], {
      env: {
        ...process.env,
        WATCHGATE_REGISTRY: this.#options.registry,
        HOST: '127.0.0.1',
        PORT: '0',
        POD_NAME: name,
        POD_IP: '127.0.0.1',
      },
      // The channel tells the service when this process has gone without saying goodbye.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface(stream).on('line', (line) => this.#options.onLine(`${line}\n`));
    }
    child.once('error', () => this.#ended(name, null));
    child.once('exit', (_code, signal) => this.#ended(name, signal));
    this.#running.set(name, child);
    return name;
  }

  /** Lets the youngest leave in order; answers its name, or undefined when none runs. */
  stop(): string | undefined {
    const [name, child] = [...this.#running].at(-1) ?? [];
    if (name === undefined || child === undefined) return undefined;
    this.#running.delete(name);
    this.#leaving.set(name, this.#end(child));
    return name;
  }

  /** Ends the eldest with SIGKILL, as a crash would; answers its name, or undefined when none runs. */
  kill(): string | undefined {
    const [name, child] = [...this.#running][0] ?? [];
    child?.kill('SIGKILL');
    return name;
  }

  /** Resolves when every process has ended. */
  async close(): Promise<void> {
    while (this.stop() !== undefined);
    await Promise.all(this.#leaving.values());
  }

  async #end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const patience = new AbortController();
    child.kill('SIGTERM');
    const slow = delay(this.#options.clock, STOP_TIMEOUT_MS, patience.signal).then(() =>
      child.kill('SIGKILL'),
    );
    await ended;
    patience.abort();
    await slow;
  }

  #ended(name: string, signal: NodeJS.Signals | null): void {
    this.#running.delete(name);
    this.#leaving.delete(name);
    this.#options.onEnd(name, signal);
  }
}
