/** Han, kana, Hangul, full-width forms and emoji take two columns (Unicode Standard Annex 11, "W" and "F"). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3001-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const NARROW_ONLY = /^[\x20-\x7e]*$/;
const NOTHING = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns that a text without control characters takes on a terminal. */
export function displayWidth(text: string): number {
  if (NARROW_ONLY.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

function widthOf(character: string): number {
  if (NOTHING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The text in at most `width` columns, its end replaced by `…` when something is left out. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return '';
  let kept = '';
  let taken = 1;
  for (const character of text) {
    taken += widthOf(character);
    if (taken > width) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The same with what comes first replaced, but for its indent: for texts that differ in how they end, as addresses do. */
export function cutBefore(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const [indent = ''] = /^ */.exec(text) ?? [];
  const room = width - indent.length;
  if (room < 1) return cut(text, width);
  let kept = '';
  let taken = 1;
  for (const character of [...text.slice(indent.length)].reverse()) {
    taken += widthOf(character);
    if (taken > room) break;
    kept = character + kept;
  }
  return `${indent}…${kept}`;
}

/** Filled up with spaces to `width` columns: after the text, or before it. */
export function pad(text: string, width: number, side: 'after' | 'before'): string {
  const spaces = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return side === 'after' ? text + spaces : spaces + text;
}
