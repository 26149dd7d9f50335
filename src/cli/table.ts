import { cut, cutBefore, displayWidth, pad } from './display-width.js';
import { type Paint, paintFor, plain, type Style } from './paint.js';

export interface Column {
  readonly heading: string;
  /** Stands to the right. */
  readonly numeric?: boolean;
  /** May be left out where the screen is too narrow, the highest first; without it the column stays. */
  readonly dispensable?: number;
  /** May be cut, down to this many columns, once nothing more can be left out. */
  readonly least?: number;
}

export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
  /** When it has to be cut, what comes first goes, not what comes last. */
  readonly keepsEnd?: boolean;
}

/** What a table is drawn on. */
export interface Paper {
  /** Columns of the screen; undefined for a pipe, into which everything goes. */
  readonly width: number | undefined;
  readonly paint: Paint;
}

export const PIPE: Paper = { width: undefined, paint: plain };

/** The size that every terminal once had, for one that does not say. */
export function sizeOf({ columns, rows }: { readonly columns?: number; readonly rows?: number }): {
  readonly columns: number;
  readonly rows: number;
} {
  return { columns: columns || 80, rows: rows || 24 };
}

/** A terminal is as wide as it is now. */
export function paperOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): Paper {
  const width = stream.isTTY === true ? sizeOf(stream).columns : undefined;
  return { width, paint: paintFor(stream, process.env) };
}

const GAP = '  ';

/** Aligned lines, the heading first, none wider than the paper as long as its cuttable columns allow. */
export function drawTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { width, paint }: Paper,
): string[] {
  const heading = columns.map((column): Cell => ({ text: column.heading, style: 'dim' }));
  const lines = [heading, ...rows];
  const wanted = columns.map((_, index) => widest(lines, index));
  const shown = width === undefined ? columns.map((_, index) => index) : fitting(columns, wanted, width);
  const widths = width === undefined ? wanted : squeezed(columns, shown, wanted, width);
  return lines.map((line) =>
    shown
      .map((index) => drawn(line[index], index))
      .reduce(joinCells, '')
      .trimEnd(),
  );

  function drawn(cell: Cell = { text: '' }, index: number): string {
    const room = widths[index] ?? 0;
    const text = cell.keepsEnd ? cutBefore(cell.text, room) : cut(cell.text, room);
    const spaces = pad('', room - displayWidth(text), 'after');
    const painted = paint(text, cell.style);
    return columns[index]?.numeric ? spaces + painted : painted + spaces;
  }
}

function joinCells(line: string, cell: string, index: number): string {
  return index === 0 ? cell : line + GAP + cell;
}

function widest(lines: readonly (readonly Cell[])[], index: number): number {
  // Not Math.max(...): a fleet may have more rows than a call may have arguments.
  return lines.reduce((most, line) => Math.max(most, displayWidth(line[index]?.text ?? '')), 0);
}

function total(shown: readonly number[], widths: readonly number[]): number {
  return shown.reduce((sum, index) => sum + (widths[index] ?? 0), GAP.length * (shown.length - 1));
}

/** Indices of the columns that are shown: the dispensable go, the highest first, until the rest fits once it is cut. */
function fitting(columns: readonly Column[], wanted: readonly number[], width: number): number[] {
  const least = columns.map((column, index) => Math.min(wanted[index] ?? 0, column.least ?? Infinity));
  let shown = columns.map((_, index) => index);
  while (total(shown, least) > width) {
    const rank = (index: number): number => columns[index]?.dispensable ?? 0;
    const next = shown.reduce((most, index) => (rank(index) > rank(most) ? index : most), shown[0] ?? 0);
    if (rank(next) === 0) break;
    shown = shown.filter((index) => index !== next);
  }
  return shown;
}

/** The widths, with the widest cuttable column made narrower until the line fits. */
function squeezed(
  columns: readonly Column[],
  shown: readonly number[],
  wanted: readonly number[],
  width: number,
): number[] {
  const widths = [...wanted];
  for (let excess = total(shown, widths) - width; excess > 0; excess -= 1) {
    const spare = (index: number): number => (widths[index] ?? 0) - (columns[index]?.least ?? Infinity);
    const next = shown.reduce((most, index) => (spare(index) > spare(most) ? index : most), shown[0] ?? 0);
    if (!(spare(next) > 0)) break;
    widths[next] = (widths[next] ?? 0) - 1;
  }
  return widths;
}
