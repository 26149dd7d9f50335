import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Bar } from './bars.js';
import { machineSchema, median } from './results.js';

const burst = z.object({
  /** From the first write of the burst until a request was answered by the last. */
  appliedMs: z.number(),
  /** Part of that until the registry had acknowledged all. */
  acknowledgedMs: z.number(),
  calm: z.object({ p99Ms: z.number(), worstMs: z.number(), requests: z.number() }),
  during: z.object({ p99Ms: z.number(), worstMs: z.number(), requests: z.number(), failures: z.number() }),
});

export type Burst = z.infer<typeof burst>;

const large = z.object({
  readyMs: z.number(),
  routable: z.boolean(),
  rssMib: z.number(),
  /** Endpoints join: the first changes that the process has seen. */
  joining: burst,
  /** They are lost all at once, and answer no probe. */
  leaving: burst,
  /** They join once more. */
  again: burst,
});

const scaleRun = z.object({
  /** ISO 8601. */
  measuredAt: z.string(),
  loadAverage: z.number(),
  machine: machineSchema,
  versions: z.record(z.string(), z.string()),
  /** From the start of the process until it was ready, with 100 endpoints. */
  startMs: z.array(z.number()),
  /** Each with a gateway and keys of its own. */
  large: z.array(large),
});

export type LargeRepeat = z.infer<typeof large>;
/** One call of `npm run bench:scale`. */
export type ScaleRun = z.infer<typeof scaleRun>;

const FOLDER = fileURLToPath(new URL('results/scale/', import.meta.url));

/** Keeps a run below bench/results; returns the file. */
export function saveScaleRun(run: ScaleRun): string {
  mkdirSync(FOLDER, { recursive: true });
  const stamp = run.measuredAt.slice(0, 19).replaceAll(':', '').replace('T', '-');
  const file = join(FOLDER, `${stamp}.json`);
  writeFileSync(file, `${JSON.stringify(run, null, 1)}\n`);
  return file;
}

/** The newest that was kept; undefined when there is none. */
export function newestScaleRun(): ScaleRun | undefined {
  mkdirSync(FOLDER, { recursive: true });
  const name = readdirSync(FOLDER).sort().at(-1);
  return name === undefined
    ? undefined
    : scaleRun.parse(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')));
}

function under(what: string, value: number, limit: number, unit: string): Bar {
  const digits = unit === 'ms' && limit < 100 ? 1 : 0;
  return {
    what,
    bound: `under ${limit.toLocaleString('en')} ${unit}`,
    measured: `${value.toFixed(digits)} ${unit}`,
    met: value < limit,
  };
}

/** The bursts of a repeat, in their order. */
export const bursts: readonly {
  readonly what: string;
  readonly pick: (repeat: LargeRepeat) => Burst;
}[] = [
  { what: '5,000 join, the first changes of the process', pick: ({ joining }) => joining },
  { what: '5,000 lost at once', pick: ({ leaving }) => leaving },
  { what: '5,000 join once more', pick: ({ again }) => again },
];

/** Milliseconds that a burst has added to the 99th percentile of requests. */
export function delayed({ calm, during }: Burst): number {
  return during.p99Ms - calm.p99Ms;
}

/** What starts and large registries are held to: medians of the repeats. */
export function scaleBars({ startMs, large: repeats }: ScaleRun): readonly Bar[] {
  const of = (pick: (repeat: LargeRepeat) => number): number => median(repeats.map(pick));
  const burstBars = bursts.flatMap(({ what, pick }) => [
    under(
      `${what}: applied after`,
      of((repeat) => pick(repeat).appliedMs),
      1000,
      'ms',
    ),
    under(
      `${what}: p99 of requests meanwhile, over that before`,
      of((repeat) => delayed(pick(repeat))),
      20,
      'ms',
    ),
  ]);
  return [
    under('Start to ready, 100 endpoints', median(startMs), 400, 'ms'),
    under(
      'Start to ready, 10,000 endpoints in 1,000 services',
      of(({ readyMs }) => readyMs),
      1000,
      'ms',
    ),
    under(
      'Memory then (RSS)',
      of(({ rssMib }) => rssMib),
      150,
      'MiB',
    ),
    ...burstBars,
  ];
}
