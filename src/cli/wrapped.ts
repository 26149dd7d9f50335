import { displayWidth } from './display-width.js';

/** What `Paint` puts around a text; takes no column. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const SGR = /\x1b\[[\d;]*m/g;

/** How much further in the rest of a line begins. */
const HANGING = '  ';

/**
 * A line in as many as the screen needs, broken between words, the rest further in than its beginning. A terminal
 * would break it within words. A word that is wider than the screen stays whole: it is there to be copied. Without
 * a width, as into a pipe, it is one line.
 */
export function wrapped(line: string, width: number | undefined): string[] {
  if (width === undefined || columnsOf(line) <= width) return [line];
  const [indent = ''] = /^ */.exec(unpainted(line)) ?? [];
  const hanging = indent.length + HANGING.length < width / 2 ? indent + HANGING : '';
  const lines: string[] = [];
  let current = '';
  for (const [piece] of line.matchAll(/ *[^ ]+/g)) {
    if (current !== '' && columnsOf(current + piece) > width) {
      lines.push(current);
      current = hanging + piece.trimStart();
    } else current += piece;
  }
  return [...lines, current];
}

/** A text in lines of at most `width` columns: what is indented stays as it is, other lines are filled as one paragraph. */
export function filled(text: string, width: number): string {
  const paragraphs: string[] = [];
  let open = false;
  for (const line of text.split('\n')) {
    const prose = line !== '' && !line.startsWith(' ');
    if (prose && open) paragraphs.push(`${paragraphs.pop()} ${line}`);
    else paragraphs.push(line);
    open = prose;
  }
  return paragraphs.flatMap((line) => (line.startsWith(' ') ? [line] : flush(line, width))).join('\n');
}

/** As `wrapped`, with nothing further in. */
function flush(paragraph: string, width: number): string[] {
  return wrapped(paragraph, width).map((line) => line.trimStart());
}

function columnsOf(text: string): number {
  return displayWidth(unpainted(text));
}

function unpainted(text: string): string {
  return text.replace(SGR, '');
}
