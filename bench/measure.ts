import type { Load, Variant } from './loads.js';
import type { PinnedProcess } from './process.js';
import { type LoadResult, loadAverage, type Repeat, type Row } from './results.js';
import type { Rival } from './rival.js';
import { SERVICE } from './rivals/watchgate.js';
import type { Stage } from './stage.js';
import { startRival } from './start-rival.js';

const MIB = 1024 * 1024;

export interface Bench extends Pick<Stage, 'folder' | 'cores' | 'endpoints' | 'registry' | 'traffic'> {
  readonly secondsEach: number;
  readonly secondsToWarmUp: number;
  readonly repeats: number;
}

/** One rival under one variant, running. */
interface Contestant {
  readonly row: Row;
  readonly variant: Variant;
  readonly address: string;
  /** Undefined without a proxy. */
  readonly process: PinnedProcess | undefined;
  readonly registryPrefix: string | undefined;
}

/** Starts the rival, if there is one, and waits until it serves. */
async function start(bench: Bench, rival: Rival, variant: Variant): Promise<Contestant> {
  const row: Row = { rival: rival.name, variant: variant.label, repeats: [] };
  const { launch } = rival;
  if (launch !== undefined) return { row, variant, ...(await startRival(bench, { launch }, variant)) };
  const [address = ''] = variant.site(bench.endpoints).endpoints;
  return { row, variant, address, process: undefined, registryPrefix: undefined };
}

/** Makes endpoints come and go as the variant wants it, until the function returned is called. */
export function startChurn(
  { registry, endpoints }: Pick<Stage, 'registry' | 'endpoints'>,
  { churn = 0 }: Variant,
  registryPrefix: string | undefined,
): () => Promise<unknown> {
  if (churn === 0 || registryPrefix === undefined) return async () => undefined;
  return registry.churn(registryPrefix, SERVICE, endpoints.spare, churn);
}

/** With the same changes as are measured: what they call for the first time is compiled by then. */
async function warmUp(bench: Bench, { address, variant, registryPrefix }: Contestant): Promise<void> {
  const stopChurn = startChurn(bench, variant, registryPrefix);
  await bench.traffic.send(address, variant.traffic, bench.secondsToWarmUp);
  await stopChurn();
}

async function burst(bench: Bench, load: Load, contestant: Contestant): Promise<Repeat> {
  const { process, variant, address, registryPrefix } = contestant;
  const stopChurn = startChurn(bench, variant, registryPrefix);
  const before = process?.cpuMicros() ?? 0;
  const met = await bench.traffic.send(address, variant.traffic, bench.secondsEach);
  const used = (process?.cpuMicros() ?? 0) - before;
  await stopChurn();
  const seconds = met.micros / 1e6;
  const units = load.perMiB === true ? met.bytes / MIB : met.requests;
  return {
    requestsPerSecond: met.requests / seconds,
    mibPerSecond: met.bytes / MIB / seconds,
    cpuMicros: process === undefined ? null : used / units,
    p50Micros: met.p50,
    p99Micros: met.p99,
    rssKiB: process?.rssKiB() ?? null,
    errors: met.errors,
  };
}

/** Whether a rival takes part in a load. */
function takesPart(rival: Rival, load: Load): boolean {
  if (rival.aside === true && load.aside?.includes(rival.name) !== true) return false;
  if (rival.launch === undefined) return load.variants.length === 1 && load.name !== 'slow';
  return load.needs.every((feature) => rival.features.has(feature));
}

/**
 * Measures every rival that can serve the load. All of them run throughout; their bursts take turns,
 * in another order each time, so that whatever drifts on the machine meets them all alike.
 */
export async function measureLoad(bench: Bench, load: Load, rivals: readonly Rival[]): Promise<LoadResult> {
  const measuredAt = new Date().toISOString();
  const busy = loadAverage();
  const rows: Row[] = [];
  const contestants: Contestant[] = [];
  try {
    for (const rival of rivals.filter((one) => takesPart(one, load))) {
      for (const variant of load.variants) {
        try {
          const contestant = await start(bench, rival, variant);
          await warmUp(bench, contestant);
          contestants.push(contestant);
          rows.push(contestant.row);
        } catch (error) {
          rows.push({ rival: rival.name, variant: variant.label, repeats: [], failed: String(error) });
        }
      }
    }
    for (let turn = 0; turn < bench.repeats; turn++) {
      const order = turn % 2 === 0 ? contestants : contestants.toReversed();
      for (const contestant of order) contestant.row.repeats.push(await burst(bench, load, contestant));
    }
  } finally {
    for (const { process } of contestants) await process?.stop();
  }
  return { load: load.name, measuredAt, loadAverage: busy, rows };
}
