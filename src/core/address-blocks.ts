import { isIPv4, isIPv6 } from 'node:net';
import { WatchgateError } from './errors.js';
import { ipv4Number, ipv6Words, mappedIPv4, mappedWords } from './ip-address.js';

/** A block of IP addresses: those that begin with the same bits. One of IPv4 is the block of its mapped addresses. */
export interface AddressBlock {
  /** The first address, in words of 16 bits. */
  readonly words: readonly number[];
  /** How many bits its addresses share, of 128. */
  readonly bits: number;
}

const IPV4_BITS = 32;
const IPV6_BITS = 128;
const WORD_BITS = 16;

/**
 * Reads a block (`10.0.0.0/8`, RFC 4632 section 3.1; `fd00::/8`, RFC 4291 section 2.3) or one address; undefined for
 * what is neither.
 */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  const [, address = '', length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (!isIPv4(address) && !isIPv6(address)) return undefined;
  const most = isIPv4(address) ? IPV4_BITS : IPV6_BITS;
  const bits = length === undefined ? most : Number(length);
  if (bits > most) return undefined;
  const words = isIPv4(address) ? mappedWords(ipv4Number(address)) : ipv6Words(address);
  return { words, bits: IPV6_BITS - most + bits };
}

/** IPv4 addresses `first` to `first + size - 1`, as numbers. */
interface NumberRange {
  readonly first: number;
  readonly size: number;
}

/**
 * Several blocks, asked whether they hold an address: for a request as often as there are trusted proxies, and for each
 * registration. Node's `BlockList` makes a native object for each question, which the next collection has to take down.
 */
export class AddressBlocks {
  readonly #blocks: readonly AddressBlock[];
  readonly #ipv4: readonly NumberRange[];

  constructor(blocks: readonly AddressBlock[]) {
    this.#blocks = blocks;
    this.#ipv4 = blocks.flatMap(ipv4Range);
  }

  /** An IPv4 address also when it is spelt as a mapped one, an IPv6 address in any zone; never what is neither. */
  holds(ip: string): boolean {
    if (isIPv4(ip)) return this.#holdsNumber(ipv4Number(ip));
    if (!isIPv6(ip)) return false;
    const words = ipv6Words(ip);
    const mapped = mappedIPv4(words);
    return mapped === undefined
      ? this.#blocks.some((block) => begins(words, block))
      : this.#holdsNumber(mapped);
  }

  #holdsNumber(number: number): boolean {
    for (const { first, size } of this.#ipv4) if (number >= first && number < first + size) return true;
    return false;
  }
}

/** Reads the blocks that the option `name` lists. Throws CONFIG_INVALID. */
export function addressBlocks(name: string, texts: readonly string[]): AddressBlocks {
  return new AddressBlocks(
    texts.map((text) => {
      const block = parseAddressBlock(text);
      if (block !== undefined) return block;
      throw new WatchgateError('CONFIG_INVALID', `${name}: "${text}" is not a CIDR like 10.0.0.0/8`);
    }),
  );
}

/** What of a block is mapped IPv4: all of a longer one than ::ffff:0:0/96, every address for one around that. */
function ipv4Range({ words, bits }: AddressBlock): readonly NumberRange[] {
  const size = 2 ** Math.min(IPV6_BITS - bits, IPV4_BITS);
  if (bits >= IPV6_BITS - IPV4_BITS) {
    const number = mappedIPv4(words);
    return number === undefined ? [] : [{ first: Math.floor(number / size) * size, size }];
  }
  return begins(ALL_MAPPED, { words, bits }) ? [{ first: 0, size }] : [];
}

const ALL_MAPPED = mappedWords(0);

function begins(address: readonly number[], { words, bits }: AddressBlock): boolean {
  for (let at = 0, left = bits; left > 0; at += 1, left -= WORD_BITS) {
    const other = WORD_BITS - Math.min(left, WORD_BITS);
    if ((address[at] ?? 0) >> other !== (words[at] ?? 0) >> other) return false;
  }
  return true;
}
