const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
const SIZE = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB)$/;

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Reads `300ms`, `5s`, `1m`, `2h` or a sum such as `1m30s`. Whole milliseconds, or undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(DURATION_PART)) {
    total += Number(amount) * (MILLISECONDS[unit] ?? 0);
  }
  return Math.round(total);
}

/** Reads `512B`, `64KiB`, `10MiB` or `1GiB`. Whole bytes, or undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit = ''] = SIZE.exec(text) ?? [];
  return amount === undefined ? undefined : Math.round(Number(amount) * (BYTES[unit] ?? 0));
}
