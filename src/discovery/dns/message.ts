import { isIPv4, isIPv6 } from 'node:net';
import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet';

export type QueryType = 'A' | 'AAAA' | 'SRV';

export interface Question {
  /** Absolute, lower case, without the dot at the end. */
  readonly name: string;
  readonly type: QueryType;
}

/** One record of a reply. Names are as in a question; `ttl` in seconds. */
export type DnsRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
);

export interface Reply {
  /** RFC 1035 section 4.1.1: 0 no error, 1 format error, 2 server failure, 3 no such name, 5 refused. */
  readonly code: number;
  /** Cut off to fit a datagram; its records are then left out, for the whole reply is to be had over TCP. */
  readonly truncated: boolean;
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** Seconds for which the absence of records holds (RFC 2308 section 5); undefined when the reply does not say. */
  readonly negativeTtl: number | undefined;
  /** It only names other servers: this one neither knows nor asks on our behalf. */
  readonly isReferral: boolean;
}

/** What we take in one datagram: more may be lost to fragmentation (dnsflagday.net/2020). */
const DATAGRAM_BYTES = 1232;

const RESPONSE_BIT = 0x80;
const TRUNCATED_BIT = 0x02;
const HEADER_BYTES = 12;
/** RFC 2181 section 8: with the highest bit set it counts as 0. */
const MOST_TTL = 2 ** 31 - 1;

/** `extended`: with EDNS (RFC 6891), without which a datagram holds no more than 512 bytes. */
export function encodeQuery(id: number, { name, type }: Question, extended: boolean): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    additionals: extended ? [EDNS] : [],
  });
}

const EDNS: Answer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: DATAGRAM_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/**
 * Reads the reply to a query. Undefined when the bytes are none to this one: anybody can send us a
 * datagram, so the id and the question must be ours (RFC 5452 section 9.1).
 */
export function readReply(bytes: Buffer, id: number, question: Question): Reply | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return undefined;
  const flags = bytes.readUInt8(2);
  if ((flags & RESPONSE_BIT) === 0) return undefined;
  const code = bytes.readUInt8(3) & 0x0f;
  const truncated = (flags & TRUNCATED_BIT) !== 0;
  // A server that did not understand the question need not repeat it.
  const empty = { code, answers: [], additionals: [], negativeTtl: undefined, isReferral: false };
  if (bytes.readUInt16BE(4) === 0) return code === 0 ? undefined : { ...empty, truncated };
  // What was cut off may end within a record.
  if (truncated) return { ...empty, truncated };
  const packet = decoded(bytes);
  const asked = packet?.questions?.[0];
  if (packet === undefined || asked?.type !== question.type || canonical(asked.name) !== question.name) {
    return undefined;
  }
  const { answers = [], additionals = [], authorities = [] } = packet;
  const start = authorities.find((record) => record.type === 'SOA');
  return {
    code,
    truncated,
    answers: answers.flatMap(readRecord),
    additionals: additionals.flatMap(readRecord),
    negativeTtl: start && Math.min(secondsOf(start.ttl), secondsOf(start.data.minimum)),
    isReferral:
      code === 0 &&
      answers.length === 0 &&
      start === undefined &&
      authorities.some(({ type }) => type === 'NS'),
  };
}

/** As two names are compared: case does not matter, nor the dot at the end (RFC 4343). */
export function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function decoded(bytes: Buffer): ReturnType<typeof decode> | undefined {
  try {
    const packet = decode(bytes);
    // Of an address that the message ends within, the package makes one without its last numbers.
    const isWhole = [...(packet.answers ?? []), ...(packet.additionals ?? [])].every(
      (record) =>
        (record.type !== 'A' || isIPv4(record.data)) && (record.type !== 'AAAA' || isIPv6(record.data)),
    );
    return isWhole ? packet : undefined;
  } catch {
    return undefined;
  }
}

function readRecord(record: Answer): DnsRecord[] {
  const name = canonical(record.name);
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return [{ name, ttl: secondsOf(record.ttl), type: record.type, address: record.data }];
    case 'CNAME':
      return [{ name, ttl: secondsOf(record.ttl), type: 'CNAME', target: canonical(record.data) }];
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data;
      const ttl = secondsOf(record.ttl);
      return [{ name, ttl, type: 'SRV', priority, weight, port, target: canonical(target) }];
    }
    default:
      return [];
  }
}

function secondsOf(ttl: number | undefined): number {
  return ttl === undefined || ttl > MOST_TTL ? 0 : ttl;
}
