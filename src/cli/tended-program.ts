import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../core/clock.js';
import { couldNotRun, exitCodeOf } from '../registrar/child-exit.js';

export interface TendedProgramOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** Sent for each change; undefined: it is stopped and started again. */
  readonly signal: NodeJS.Signals | undefined;
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  readonly stopTimeoutMs: number;
  readonly clock: Clock;
  /** Called with one line for each thing that the user should know. */
  readonly note: (line: string) => void;
}

/** A program that is told, or started again, when what it has read has changed. */
export class TendedProgram {
  readonly #options: TendedProgramOptions;
  /** The exit code to pass on, once the program has ended for good. */
  readonly ended: Promise<number>;
  #end: (code: number) => void = () => {};
  #child: ChildProcess | undefined;
  #exit: Promise<number> | undefined;
  #restarting = false;
  #stopping = false;

  constructor(options: TendedProgramOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  start(): void {
    if (this.#stopping) return;
    const [file, ...args] = this.#options.command;
    const child = spawn(file, args, { stdio: 'inherit' });
    this.#child = child;
    this.#exit = this.#outcomeOf(child);
    void this.#exit.then((code) => {
      if (!this.#restarting || this.#stopping) this.#end(code);
    });
  }

  /** Resolves when the program has been told, or runs again. */
  async changed(): Promise<void> {
    const { signal, note } = this.#options;
    if (this.#child === undefined || this.#stopping) return;
    if (signal !== undefined) {
      this.#child.kill(signal);
      return note(`${signal} sent to the program`);
    }
    this.#restarting = true;
    await this.#terminate();
    this.#restarting = false;
    if (!this.#stopping) note('starting the program again');
    this.start();
  }

  /** Passes a signal on that means something else than to stop. */
  tell(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it for good. Before it was started, it never is. */
  stop(): void {
    this.#stopping = true;
    if (this.#child === undefined) this.#end(0);
    else void this.#terminate();
  }

  async #terminate(): Promise<void> {
    const { clock, stopTimeoutMs, note } = this.#options;
    const child = this.#child;
    // A signal for a program that has ended already goes nowhere.
    child?.kill('SIGTERM');
    const timer = clock.after(stopTimeoutMs, () => {
      note(`the program still ran ${stopTimeoutMs / 1_000} s after SIGTERM and was killed`);
      child?.kill('SIGKILL');
    });
    await this.#exit;
    timer.cancel();
  }

  async #outcomeOf(child: ChildProcess): Promise<number> {
    const exit = exitCodeOf(child);
    try {
      await once(child, 'spawn');
    } catch (error) {
      const { reason, code } = couldNotRun(error);
      this.#options.note(`cannot run ${this.#options.command[0]}: ${reason}`);
      return code;
    }
    // A signal that cannot be delivered is announced as an error; the exit still decides.
    child.on('error', () => {});
    return exit;
  }
}
