import type { Counter } from 'prom-client';
import type { PairTally } from '../core/tally.js';
import type { BoundedNames } from './bounded-names.js';

interface Cell {
  count: number;
}

/**
 * Counts by two labels, for the data path: two map lookups and an addition, no allocation once a
 * pair is known. prom-client validates and hashes its labels on each `inc`, so it is handed the
 * counts only when it is scraped.
 */
export class PairCounts {
  readonly #names: BoundedNames;
  readonly #rows = new Map<string, Map<string, Cell>>();

  /** `names` bounds the first label; the values of the second must be few. */
  constructor(names: BoundedNames) {
    this.#names = names;
  }

  add(first: string, second: string, times = 1): void {
    const row = this.#rows.get(first) ?? this.#newRow(first);
    const cell = row.get(second);
    if (cell === undefined) row.set(second, { count: times });
    else cell.count += times;
  }

  /** Replaces what the counter holds. Its label names must be in the order of `add`. */
  copyTo<Label extends string>(counter: Counter<Label>): void {
    counter.reset();
    for (const [first, row] of this.#rows) {
      for (const [second, { count }] of row) counter.labels(first, second).inc(count);
    }
  }

  /** Counts what was counted elsewhere. */
  addAll(tally: PairTally): void {
    for (const [first, second, count] of tally) this.add(first, second, count);
  }

  /** What has been counted; begins again at nothing. */
  take(): PairTally {
    const tally = [...this.#rows].flatMap(([first, row]) =>
      [...row].map(([second, { count }]) => [first, second, count] as const),
    );
    this.#rows.clear();
    return tally;
  }

  #newRow(first: string): Map<string, Cell> {
    const label = this.#names.label(first);
    const existing = this.#rows.get(label);
    if (existing !== undefined) return existing;
    const row = new Map<string, Cell>();
    this.#rows.set(label, row);
    return row;
  }
}
