import { readFile } from 'node:fs/promises';
import { messageOf } from '../core/errors.js';

/** Sends a signal to the process whose id a file holds. Answers what came of it, in one line; never rejects. */
export async function signalPidFile(path: string, signal: NodeJS.Signals): Promise<string> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    // 0 and below would mean whole groups of processes.
    if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new Error('it holds no process id');
    process.kill(Number(text), signal);
    return `${signal} sent to process ${text}`;
  } catch (error) {
    return `${signal} not sent, --pid-file ${path}: ${messageOf(error)}`;
  }
}
