/** SGR parameters of ECMA-48: how to begin and how to end. Eight colours only, which every theme makes legible. */
const CODES = {
  bold: ['1', '22'],
  dim: ['2', '22'],
  reverse: ['7', '27'],
  red: ['31', '39'],
  green: ['32', '39'],
  yellow: ['33', '39'],
  magenta: ['35', '39'],
} as const;

export type Style = keyof typeof CODES;

/** Puts a text in a style, or leaves it as it is where there is no colour. */
export type Paint = (text: string, style: Style | undefined) => string;

export const plain: Paint = (text) => text;

const coloured: Paint = (text, style) => {
  if (style === undefined || text === '') return text;
  const [begin, end] = CODES[style];
  return `\x1b[${begin}m${text}\x1b[${end}m`;
};

/**
 * Colour for a terminal only, and not for one that cannot show it or whose owner does not want it
 * (no-color.org: NO_COLOR, whatever it holds, unless it is empty).
 */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const unwanted = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return stream.isTTY === true && !unwanted ? coloured : plain;
}

const STATE_STYLES: Readonly<Record<string, Style>> = {
  ejected: 'red',
  draining: 'yellow',
  stale: 'magenta',
  gone: 'dim',
};

/** Of an endpoint's state. What is as it should be stands out by having none. */
export function styleOfState(state: string): Style | undefined {
  return STATE_STYLES[state];
}
