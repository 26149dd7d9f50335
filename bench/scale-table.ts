import { median } from './results.js';
import { type Burst, bursts, delayed, type ScaleRun } from './scale-results.js';
import type { Table } from './table.js';

function ms(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

/** One line for each kind of burst: medians, and how far the repeats are apart. */
export function scaleTable({ large }: ScaleRun): Table {
  return {
    columns: [
      '',
      'acknowledged ms',
      'applied ms',
      'p99 before ms',
      'p99 meanwhile ms',
      'added to it, least to most',
      'worst ms',
      'requests',
      'failed',
    ],
    rows: bursts.map(({ what, pick }) => {
      const repeats = large.map(pick);
      const of = (figure: (burst: Burst) => number): number => median(repeats.map(figure));
      const added = repeats.map(delayed);
      return [
        what,
        ms(of(({ acknowledgedMs }) => acknowledgedMs)),
        ms(of(({ appliedMs }) => appliedMs)),
        ms(of(({ calm }) => calm.p99Ms)),
        ms(of(({ during }) => during.p99Ms)),
        `${ms(Math.min(...added))} to ${ms(Math.max(...added))}`,
        ms(Math.max(...repeats.map(({ during }) => during.worstMs))),
        of(({ during }) => during.requests).toFixed(0),
        String(repeats.reduce((sum, { during }) => sum + during.failures, 0)),
      ];
    }),
  };
}
