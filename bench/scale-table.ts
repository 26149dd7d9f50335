import type { ScaleRun } from './scale-results.js';
import type { Table } from './table.js';

function ms(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

/** One line for each large registry that was measured. */
export function scaleTable({ large }: ScaleRun): Table {
  return {
    columns: [
      '',
      'ready ms',
      'RSS MiB',
      'acknowledged ms',
      'applied ms',
      'p99 before ms',
      'p99 meanwhile ms',
      'worst ms',
      'requests',
      'failed',
    ],
    rows: large.map(({ readyMs, rssMib, acknowledgedMs, appliedMs, calm, during }, index) => [
      String(index + 1),
      ms(readyMs),
      rssMib.toFixed(0),
      ms(acknowledgedMs),
      ms(appliedMs),
      ms(calm.p99Ms),
      ms(during.p99Ms),
      ms(during.worstMs),
      String(during.requests),
      String(during.failures),
    ]),
  };
}
