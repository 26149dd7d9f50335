import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A command to run. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface PinnedOptions {
  /** As `taskset` names them. */
  readonly cores: string;
  /** File for standard output and standard error. */
  readonly log: string;
}

/** A benchmark that ends early still leaves nothing behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

let ticksPerSecond: number | undefined;

/** Of the unit that /proc counts processor time in. */
function clockTicks(): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ticksPerSecond;
}

/** Processor time that a process has used so far with all of its threads, microseconds. */
export function cpuMicrosOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command's name, which may hold blanks; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / clockTicks();
}

/** A server that runs on given cores until it is stopped, and tells what it has used. */
export class PinnedProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #log: string;

  constructor({ file, args, env = {} }: Launch, { cores, log }: PinnedOptions) {
    const output = openSync(log, 'a');
    // taskset replaces itself with the command, so the process id is the command's own.
    this.#child = spawn('taskset', ['-c', cores, file, ...args], {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...env },
    });
    closeSync(output);
    this.#name = file;
    this.#log = log;
    running.add(this.#child);
  }

  /** Processor time used so far, microseconds. */
  cpuMicros(): number {
    return cpuMicrosOf(this.pid);
  }

  /** Memory held now, KiB. */
  rssKiB(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN);
  }

  /** Asks until the answer is true. Throws with the process's last words when it ends or takes too long. */
  async until(ready: () => Promise<boolean>, patienceMs = 30_000): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline && this.#child.exitCode === null) {
      if (await ready().catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const words = readFileSync(this.#log, 'utf8').slice(-600);
    throw new Error(`${this.#name} is not ready: ${words}`);
  }

  async stop(): Promise<void> {
    running.delete(this.#child);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} did not start`);
    return this.#child.pid;
  }
}
