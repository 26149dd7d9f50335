import { displayWidth, pad } from './display-width.js';

/** Columns of text, two spaces apart. Those named in `numeric`, by index, stand to the right. */
export function aligned(rows: readonly (readonly string[])[], numeric: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, numeric.includes(column) ? 'before' : 'after'))
      .join('  ')
      .trimEnd(),
  );
}
