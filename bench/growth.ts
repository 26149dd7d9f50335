import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { variantNamed } from './loads.js';
import type { PinnedProcess } from './process.js';
import { median } from './results.js';
import { watchgateRival } from './rivals/watchgate.js';
import { openStage, type Stage } from './stage.js';
import { startRival } from './start-rival.js';

/**
 * Whether memory grows with the requests that have been served: RSS after the first and after the last of many.
 * Run after `npm run build`, with: node --import tsx bench/growth.ts [--load get-64] [--first 200000] [--last 2000000]
 */
const { values } = parseArgs({
  options: {
    load: { type: 'string', default: 'get-64' },
    first: { type: 'string', default: '200000' },
    last: { type: 'string', default: '2000000' },
  },
});

const MOST_GROWTH = 1.2;
const BURST_SECONDS = 2;
const READINGS = 9;
const READ_EVERY_MS = 200;

const variant = variantNamed(values.load);

/** Sends bursts until so many requests have been served since the start; resolves to how many it were. */
async function serve(stage: Stage, address: string, served: number, until: number): Promise<number> {
  let count = served;
  while (count < until) {
    const met = await stage.traffic.send(address, variant.traffic, BURST_SECONDS);
    if (met.errors > 0) throw new Error(`${met.errors} requests failed`);
    count += met.requests;
  }
  return count;
}

/** A reading may fall just before a collection or just after it. */
async function rssMib(process: PinnedProcess): Promise<number> {
  const readings: number[] = [];
  for (let reading = 0; reading < READINGS; reading += 1) {
    readings.push(process.rssKiB() / 1024);
    await pause(READ_EVERY_MS);
  }
  return median(readings);
}

async function main(): Promise<void> {
  const stage = await openStage();
  const rival = watchgateRival({ name: 'watchgate', version: '', accessLog: 'all' });
  const { address, process } = await startRival(stage, rival, variant, { log: '/dev/null' });
  const say = (text: string): void => void globalThis.process.stdout.write(`${text}\n`);
  try {
    const first = await serve(stage, address, 0, Number(values.first));
    const before = await rssMib(process);
    say(`${before.toFixed(0)} MiB after ${first.toLocaleString('en')} requests`);
    const last = await serve(stage, address, first, Number(values.last));
    const after = await rssMib(process);
    say(`${after.toFixed(0)} MiB after ${last.toLocaleString('en')} requests`);
    say(`${(after / before).toFixed(2)} times as much (at most ${MOST_GROWTH} wanted)`);
  } finally {
    await process.stop();
    await stage.close();
  }
}

await main();
