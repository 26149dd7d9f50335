/** An IPv4 address as the number of 32 bits that it stands for. Only for what `isIPv4` takes. */
export function ipv4Number(ip: string): number {
  let number = 0;
  let octet = 0;
  for (let at = 0; at < ip.length; at += 1) {
    const code = ip.charCodeAt(at);
    if (code === DOT) {
      number = number * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  return number * 256 + octet;
}

const DOT = 0x2e;
const ZERO = 0x30;
const WORDS = 8;
/** Of ::ffff:0:0/96, in which IPv4 addresses are spelt as IPv6 (RFC 4291 section 2.5.5.2). */
const MAPPED: readonly number[] = [0, 0, 0, 0, 0, 0xffff];

/** The eight words of 16 bits of an IPv6 address, without its zone. Only for what `isIPv6` takes. */
export function ipv6Words(ip: string): readonly number[] {
  const [address = ''] = ip.split('%', 1);
  // The one spelling that URLs have: hexadecimal throughout, with at most one `::`.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [before, after] = [wordsIn(head), wordsIn(tail)];
  return [...before, ...Array.from({ length: WORDS - before.length - after.length }, () => 0), ...after];
}

function wordsIn(part: string): readonly number[] {
  return part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
}

/** The words of the IPv6 address into which an IPv4 address is mapped. */
export function mappedWords(number: number): readonly number[] {
  return [...MAPPED, number >>> 16, number & 0xffff];
}

/** The number of the IPv4 address that is mapped into these words; undefined when none is. */
export function mappedIPv4(words: readonly number[]): number | undefined {
  if (MAPPED.some((word, at) => word !== words[at])) return undefined;
  return (words[6] ?? 0) * 0x10000 + (words[7] ?? 0);
}
