import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pin } from './cores.js';
import { variantNamed } from './loads.js';
import { cpuMicrosOf, type PinnedProcess } from './process.js';
import { Quotas } from './quota.js';
import { median } from './results.js';
import { watchgateRival } from './rivals/watchgate.js';
import { openStage, type Stage } from './stage.js';
import { startRival } from './start-rival.js';

/**
 * What a second worker brings. On two cores the load and the endpoints would take one of them, so each process that
 * serves gets the same share of a core of its own, small enough for the rest to have what it needs.
 * Run as root after `npm run build`, with: node --import tsx bench/workers.ts [--share 0.25] [--seconds 3] [--repeats 6]
 */
const { values } = parseArgs({
  options: {
    share: { type: 'string', default: '0.25' },
    seconds: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '6' },
    load: { type: 'string', default: 'get-64' },
  },
});

const SECONDS_TO_WARM_UP = 5;
const WANTED = 1.7;

const variant = variantNamed(values.load);

interface Contestant {
  readonly workers: number;
  readonly address: string;
  readonly process: PinnedProcess;
  /** Of the primary too, if there is one. */
  readonly pids: readonly number[];
  /** Requests per second, and microseconds of processor time per request, of each burst. */
  readonly rates: number[];
  readonly costs: number[];
}

/** The workers of a primary. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

async function start(stage: Stage, quotas: Quotas, workers: number): Promise<Contestant> {
  const rival = watchgateRival({ name: 'watchgate', version: '', accessLog: 'off', workers });
  const { proxy, rest } = stage.cores;
  const { address, process } = await startRival(stage, rival, variant, { on: `${proxy},${rest}` });
  const children = workers === 1 ? [] : childrenOf(process.pid);
  for (const [index, pid] of (workers === 1 ? [process.pid] : children).entries()) {
    pin(pid, index % 2 === 0 ? proxy : rest);
    quotas.limit(pid, Number(values.share));
  }
  await stage.traffic.send(address, variant.traffic, SECONDS_TO_WARM_UP);
  return { workers, address, process, pids: [process.pid, ...children], rates: [], costs: [] };
}

async function burst(stage: Stage, { address, pids, rates, costs }: Contestant): Promise<void> {
  const used = (): number => pids.reduce((sum, pid) => sum + cpuMicrosOf(pid), 0);
  const before = used();
  const met = await stage.traffic.send(address, variant.traffic, Number(values.seconds));
  if (met.errors > 0) throw new Error(`${met.errors} requests failed`);
  rates.push((met.requests * 1e6) / met.micros);
  costs.push((used() - before) / met.requests);
}

async function main(): Promise<void> {
  const stage = await openStage();
  const quotas = new Quotas();
  const contestants: Contestant[] = [];
  try {
    for (const workers of [1, 2]) contestants.push(await start(stage, quotas, workers));
    for (let turn = 0; turn < Number(values.repeats); turn += 1) {
      for (const one of turn % 2 === 0 ? contestants : contestants.toReversed()) await burst(stage, one);
    }
    for (const { workers, rates, costs } of contestants) {
      const rate = Math.round(median(rates)).toLocaleString('en');
      process.stdout.write(
        `${workers} of ${values.share} of a core: ${rate} requests/s, ${median(costs).toFixed(1)} µs each\n`,
      );
    }
    const [one, two] = contestants.map(({ rates }) => median(rates));
    const ratio = ((two ?? 0) / (one ?? 1)).toFixed(2);
    process.stdout.write(`two serve ${ratio} times what one does (${WANTED} wanted)\n`);
  } finally {
    for (const { process } of contestants) await process.stop();
    // The workers of a primary that was killed end by themselves.
    await quotas.removeWhenEmpty();
    await stage.close();
  }
}

await main();
