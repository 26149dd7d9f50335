import type { Load } from './loads.js';
import { cheapest, type LoadResult, type Row, typical } from './results.js';

/** The rival that costs are compared with. */
export const YARDSTICK = 'nginx';

/** A table with a heading for each column; the first column is text, the others are figures. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function whole(value: number): string {
  return Number.isNaN(value) ? '–' : Math.round(value).toLocaleString('en');
}

function short(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(value < 100 ? 1 : 0);
}

function time(micros: number): string {
  if (Number.isNaN(micros)) return '–';
  return micros < 1000
    ? `${Math.round(micros)} µs`
    : `${(micros / 1000).toFixed(micros < 10_000 ? 2 : 0)} ms`;
}

function cells(load: Load, result: LoadResult, row: Row): string[] {
  const label = row.variant === '' ? row.rival : `${row.rival}, ${row.variant}`;
  const yardstick = result.rows.find((one) => one.rival === YARDSTICK && one.variant === row.variant);
  const ratio = cheapest(row) / cheapest(yardstick);
  const errors = row.repeats.reduce((sum, repeat) => sum + repeat.errors, 0);
  const rate = typical(row, (repeat) =>
    load.perMiB === true ? repeat.mibPerSecond : repeat.requestsPerSecond,
  );
  return [
    label,
    row.failed === undefined ? whole(rate) : 'failed',
    short(cheapest(row)),
    Number.isNaN(ratio) ? '–' : `${ratio.toFixed(2)} ×`,
    time(typical(row, (repeat) => repeat.p50Micros)),
    time(typical(row, (repeat) => repeat.p99Micros)),
    short(typical(row, (repeat) => repeat.rssKiB) / 1024),
    errors === 0 ? '' : String(errors),
  ];
}

/** One load's cheapest costs and its medians of the rest, one line for each rival and variant. */
export function tableOf(load: Load, result: LoadResult): Table {
  const unit = load.perMiB === true ? 'MiB' : 'request';
  return {
    columns: ['', `${unit}s/s`, `CPU µs/${unit}`, 'of nginx', 'p50', 'p99', 'RSS MiB', 'errors'],
    rows: result.rows.map((row) => cells(load, result, row)),
  };
}

/** For a terminal. */
export function plainTable({ columns, rows }: Table): string {
  const widths = columns.map((column, at) =>
    Math.max(column.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [columns, ...rows].map(line).join('\n');
}

/** For a document. Columns in which nothing stands are left out. */
export function markdownTable({ columns, rows }: Table): string {
  const kept = columns.map((_, at) => at === 0 || rows.some((row) => row[at] !== '' && row[at] !== '–'));
  const line = (row: readonly string[]): string => `| ${row.filter((_, at) => kept[at]).join(' | ')} |`;
  const rule = line(columns.map((_, at) => (at === 0 ? '---' : '---:')));
  return [line(columns), rule, ...rows.map(line)].join('\n');
}
