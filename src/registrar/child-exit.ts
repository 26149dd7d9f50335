import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { systemCode } from '../core/errors.js';

/** As shells have it: what could not be run at all, and what is not there. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** The exit code to pass on: the program's own, or 128 + n when signal n ended it. */
export function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** What to say of a program that could not be started, and the exit code that a shell would have for it. */
export function couldNotRun(error: unknown): { readonly reason: string; readonly code: number } {
  const code = systemCode(error);
  if (code === 'ENOENT') return { reason: 'there is no such program', code: NOT_FOUND };
  const reason = code === 'EACCES' ? 'it may not be executed' : (code ?? 'unknown error');
  return { reason, code: NOT_EXECUTABLE };
}
