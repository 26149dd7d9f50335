/** `1,234`, `12.3`, `0.42`: three figures are enough for a rate that moves. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond < 10) return perSecond.toFixed(perSecond < 1 ? 2 : 1);
  return Math.round(perSecond).toLocaleString('en-US');
}

/** A share from 0 to 1 as a percentage. What is not quite nothing never reads as 0 %. */
export function shareText(share: number | null): string {
  if (share === null) return '–';
  if (share === 0) return '0 %';
  const percent = share * 100;
  if (percent < 0.1) return '<0.1 %';
  return `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** Milliseconds; 0 means that nothing was measured yet. */
export function latencyText(ms: number): string {
  if (ms === 0) return '–';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** `1.2 / 8.4 ms`: the unit once, when it is the same. */
export function latencyPair(p50: number, p99: number): string {
  if (p99 === 0) return latencyText(0);
  const [half, most] = [latencyText(p50), latencyText(p99)];
  const unit = most.slice(most.indexOf(' '));
  return `${half.endsWith(unit) ? half.slice(0, -unit.length) : half} / ${most}`;
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
];

/** A number never stands at the end of a line with its unit on the next. */
const NO_BREAK = '\u00a0';

/** `42 s`, `3 m 5 s`, `2 d 4 h`: the two largest units. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  for (const [index, [name, size]] of UNITS.entries()) {
    if (seconds < size) continue;
    const [smaller, smallerSize] = UNITS[index + 1] ?? ['s', 1];
    const rest = Math.floor((seconds % size) / smallerSize);
    const more = rest > 0 ? ` ${rest}${NO_BREAK}${smaller}` : '';
    return `${Math.floor(seconds / size)}${NO_BREAK}${name}${more}`;
  }
  return `${seconds}${NO_BREAK}s`;
}

/** How long ago something was proved: to a tenth of a second while that matters. */
export function agoText(ms: number | null): string {
  if (ms === null) return 'never';
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s ago` : `${ageText(ms)} ago`;
}

/** Time of day as the person's clock shows it. */
export function clockText(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB'] as const;

/** Bytes; null, which is how JSON writes Infinity, means unlimited. */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return 'unlimited';
  let size = bytes;
  let unit = 0;
  while (size >= 1_024 && unit < SIZES.length - 1) {
    size /= 1_024;
    unit += 1;
  }
  return `${Number(size.toFixed(1))} ${SIZES[unit] ?? ''}`;
}

export function durationText(ms: number | null): string {
  if (ms === null) return 'unlimited';
  return ms < 1_000 ? `${ms} ms` : ageText(ms);
}

/** The same with its day when that is not today. */
export function momentText(at: number, now = Date.now()): string {
  const [day, today] = [at, now].map((time) => new Date(time).toLocaleDateString('en-CA'));
  return day === today ? clockText(at) : `${day} ${clockText(at)}`;
}
