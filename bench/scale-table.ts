import { median } from './results.js';
import { type Burst, delayed, type LargeRepeat, type ScaleRun } from './scale-results.js';
import type { Table } from './table.js';

const BURSTS: readonly (readonly [name: string, pick: (repeat: LargeRepeat) => Burst])[] = [
  ['5,000 join', ({ joining }) => joining],
  ['5,000 are lost', ({ leaving }) => leaving],
  ['5,000 join again', ({ again }) => again],
];

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
    rows: BURSTS.map(([name, pick]) => {
      const bursts = large.map(pick);
      const of = (figure: (burst: Burst) => number): number => median(bursts.map(figure));
      const added = bursts.map(delayed);
      return [
        name,
        ms(of(({ acknowledgedMs }) => acknowledgedMs)),
        ms(of(({ appliedMs }) => appliedMs)),
        ms(of(({ calm }) => calm.p99Ms)),
        ms(of(({ during }) => during.p99Ms)),
        `${ms(Math.min(...added))} to ${ms(Math.max(...added))}`,
        ms(Math.max(...bursts.map(({ during }) => during.worstMs))),
        of(({ during }) => during.requests).toFixed(0),
        String(bursts.reduce((sum, { during }) => sum + during.failures, 0)),
      ];
    }),
  };
}
