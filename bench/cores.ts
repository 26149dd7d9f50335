import { execFileSync } from 'node:child_process';
import { availableParallelism, platform } from 'node:os';

/** Which cores do what, as `taskset` names them. */
export interface Cores {
  /** Of the proxy that is measured, alone. */
  readonly proxy: string;
  /** Of the load, the endpoints, the registry and this process. */
  readonly rest: string;
}

/** Throws where a proxy cannot have a core to itself: what is measured there says nothing. */
export function shareCores(): Cores {
  const cores = availableParallelism();
  if (platform() !== 'linux' || cores < 2) {
    throw new Error('the benchmark needs Linux (/proc, taskset) and two cores');
  }
  return { proxy: '0', rest: cores === 2 ? '1' : `1-${cores - 1}` };
}

/** Moves a process with all of its threads. */
export function pin(pid: number, cores: string): void {
  execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'ignore' });
}
