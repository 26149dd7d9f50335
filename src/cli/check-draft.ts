import { spawn } from 'node:child_process';
import { type Clock, delay } from '../core/clock.js';
import { exitCodeOf } from '../registrar/child-exit.js';

/** A check that hangs must not keep changes back for ever. */
const PATIENCE_MS = 30_000;
/** What it started may outlive it and keep its output open. */
const OUTPUT_PATIENCE_MS = 1_000;
const MOST_SHOWN = 2_000;

/** Runs a shell command on a draft, whose path it has in `FILE`. Answers what it printed when it did not exit with 0. */
export async function checkDraft(command: string, path: string, clock: Clock): Promise<string | undefined> {
  const child = spawn('/bin/sh', ['-c', command], {
    env: { ...process.env, FILE: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MOST_SHOWN);
    });
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const failed = new Promise<number>((resolve) => child.once('error', () => resolve(127)));
  const timer = clock.after(PATIENCE_MS, () => {
    said += `\nkilled after ${PATIENCE_MS / 1_000} s`;
    child.kill('SIGKILL');
  });
  const code = await Promise.race([exitCodeOf(child), failed]);
  timer.cancel();
  if (code === 0) return undefined;
  await Promise.race([closed, delay(clock, OUTPUT_PATIENCE_MS)]);
  const reason = said.trim();
  return reason === '' ? `exit code ${code}` : reason;
}
