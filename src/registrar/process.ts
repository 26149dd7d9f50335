import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Clock, delay } from '../core/clock.js';
import { couldNotRun, exitCodeOf } from './child-exit.js';
import type { Registration } from './registrar.js';

export interface WrappedOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** Called once the program runs; what it returns is closed when the program is to stop or has ended. */
  readonly register: () => Pick<Registration, 'close'>;
  /** Between leaving the registry and telling the program: gateways learn of it, requests finish. Milliseconds. */
  readonly drainWaitMs: number;
  /** How long the program may take to end before it is killed. Milliseconds. */
  readonly stopTimeoutMs: number;
  readonly clock: Clock;
  /** Called with one line for each thing that the user should know. */
  readonly note: (line: string) => void;
}

/**
 * Runs a program that knows nothing of the registry, registered for as long as it is healthy.
 *
 * To stop it, the registration is drained and taken back first, and only then, after a wait, is the
 * program told: no request is on its way to a program that has gone. A program that ends by itself is
 * taken back at once.
 */
export class WrappedProcess {
  readonly #options: WrappedOptions;
  readonly #child: ChildProcess;
  /** The exit code to pass on: the program's own, 128 + n when signal n ended it, 126 or 127 as in a shell. */
  readonly ended: Promise<number>;
  readonly #hurry = new AbortController();
  #stops = 0;
  #registration: Pick<Registration, 'close'> | undefined;

  constructor(options: WrappedOptions) {
    this.#options = options;
    const [file, ...args] = options.command;
    this.#child = spawn(file, args, { stdio: 'inherit' });
    this.ended = this.#run();
  }

  /**
   * Leaves the registry, waits, sends SIGTERM, and SIGKILL after the stop timeout. Called again it cuts
   * the waiting short; called a third time it kills.
   */
  stop(): void {
    this.#stops += 1;
    if (this.#stops === 1) void this.#stop();
    if (this.#stops === 2) this.#hurry.abort();
    if (this.#stops === 3) this.#child.kill('SIGKILL');
  }

  async #run(): Promise<number> {
    const exit = exitCodeOf(this.#child);
    try {
      await once(this.#child, 'spawn');
    } catch (error) {
      const { reason, code } = couldNotRun(error);
      this.#options.note(`cannot run ${this.#options.command[0]}: ${reason}`);
      return code;
    }
    // A signal that cannot be delivered is announced as an error; the exit still decides.
    this.#child.on('error', () => {});
    if (this.#stops === 0) this.#registration = this.#options.register();
    const code = await exit;
    this.#hurry.abort();
    await this.#registration?.close();
    return code;
  }

  async #stop(): Promise<void> {
    const { clock, drainWaitMs, stopTimeoutMs, note } = this.#options;
    const { signal } = this.#hurry;
    if (this.#registration !== undefined) {
      await Promise.race([this.#registration.close(), aborted(signal)]);
      await delay(clock, drainWaitMs, signal);
    }
    // Not the signal that we received: a terminal's SIGINT has reached the program already.
    if (!this.#child.kill('SIGTERM')) return;
    const timer = clock.after(stopTimeoutMs, () => {
      note(`the program still ran ${stopTimeoutMs / 1_000} s after SIGTERM and was killed`);
      this.#child.kill('SIGKILL');
    });
    await this.ended;
    timer.cancel();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
