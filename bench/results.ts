import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const repeat = z.object({
  requestsPerSecond: z.number(),
  /** Received from the proxy, MiB. */
  mibPerSecond: z.number(),
  /** Processor time of the proxy per request, or per MiB received; null without a proxy. */
  cpuMicros: z.number().nullable(),
  p50Micros: z.number(),
  p99Micros: z.number(),
  /** Of the proxy, after the burst; null without a proxy. */
  rssKiB: z.number().nullable(),
  errors: z.number(),
});

const row = z.object({
  rival: z.string(),
  /** Empty for a load that varies nothing. */
  variant: z.string(),
  repeats: z.array(repeat),
  /** Why there is no figure, when there is none. */
  failed: z.string().optional(),
});

const loadResult = z.object({
  load: z.string(),
  /** ISO 8601. */
  measuredAt: z.string(),
  /** Of the last minute, before it began: what else the machine was doing. */
  loadAverage: z.number(),
  rows: z.array(row),
});

export const machineSchema = z.object({
  cpu: z.string(),
  cores: z.number(),
  kernel: z.string(),
  arch: z.string(),
});

const run = z.object({
  quick: z.boolean(),
  secondsEach: z.number(),
  machine: machineSchema,
  versions: z.record(z.string(), z.string()),
  loads: z.array(loadResult),
});

/** One burst against one rival. */
export type Repeat = z.infer<typeof repeat>;
/** One rival under one variant of a load. */
export type Row = z.infer<typeof row>;
export type LoadResult = z.infer<typeof loadResult>;
/** One call of the benchmark. */
export type Run = z.infer<typeof run>;

const FOLDER = fileURLToPath(new URL('results/', import.meta.url));

export function machine(): Run['machine'] {
  const all = cpus();
  return { cpu: all[0]?.model ?? 'unknown', cores: all.length, kernel: release(), arch: arch() };
}

/** Average number of processes that wanted a core in the last minute. */
export function loadAverage(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** Writes a run below bench/results; returns the file. */
export function saveRun(result: Run): string {
  mkdirSync(FOLDER, { recursive: true });
  const time = result.loads[0]?.measuredAt ?? new Date().toISOString();
  const stamp = time.slice(0, 19).replaceAll(':', '').replace('T', '-');
  const file = join(FOLDER, `${stamp}${result.quick ? '-quick' : ''}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  return file;
}

/** Every run that was kept, oldest first. */
export function savedRuns(): Run[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => run.parse(JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))));
}

/** The middle one: one disturbed burst of three does not move it. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median over the repeats of what `pick` takes from each; NaN where there is nothing. */
export function typical(of: Row | undefined, pick: (repeat: Repeat) => number | null): number {
  return median((of?.repeats ?? []).map(pick).filter((value) => value !== null));
}

/**
 * Processor time per unit in the cheapest of the repeats: whatever else the machine does, by way of caches and shared
 * cores, can only make work dearer. NaN where there is nothing.
 */
export function cheapest(of: Row | undefined): number {
  const costs = (of?.repeats ?? []).map(({ cpuMicros }) => cpuMicros).filter((cost) => cost !== null);
  return costs.length === 0 ? Number.NaN : Math.min(...costs);
}
