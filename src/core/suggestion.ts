/** The nearest known word as a question, or all of them when none is near. Empty when there is none. */
export function suggestion(word: string, known: readonly string[]): string {
  const typed = word.toLowerCase();
  let nearest: string | undefined;
  let edits = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const needed = editsBetween(typed, candidate.toLowerCase());
    if (needed >= edits) continue;
    nearest = candidate;
    edits = needed;
  }
  if (nearest === undefined) return '';
  const near = edits <= Math.max(2, word.length / 3);
  return near ? `; did you mean "${nearest}"?` : `; known here: ${known.join(', ')}`;
}

/** Levenshtein's distance: how many letters to put in, leave out or change to make one word of the other. */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let index = 0; index < one.length; index += 1) {
    const next = [index + 1];
    for (const [column, above] of row.slice(1).entries()) {
      const changed = (row[column] ?? 0) + (one[index] === other[column] ? 0 : 1);
      next.push(Math.min(above + 1, (next[column] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
