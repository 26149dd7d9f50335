/**
 * The wire format of DNS (RFC 1035 section 4), written apart from the package that the client reads it with,
 * so that a mistake in one is not made twice.
 */
export type TestRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'NS'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: 'SOA'; readonly minimum: number }
);

export interface TestQuestion {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  /** Bytes of a datagram that the client takes: 512 without EDNS. */
  readonly room: number;
  readonly hasEdns: boolean;
  /** The question section as it came. */
  readonly section: Buffer;
}

export interface TestReply {
  /** 0 when absent. */
  readonly code?: number;
  readonly answers?: readonly TestRecord[];
  readonly authorities?: readonly TestRecord[];
  readonly additionals?: readonly TestRecord[];
}

const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, AAAA: 28, SRV: 33 } as const;
const OPT = 41;
const HEADER_BYTES = 12;
/** Response, recursion desired and available. */
const FLAGS = 0x8180;
const TRUNCATED = 0x0200;
/** Where the name of the question stands, as a pointer. */
const QUESTION_NAME = Buffer.from([0xc0, HEADER_BYTES]);

export function readQuestion(bytes: Buffer): TestQuestion {
  const labels: string[] = [];
  let offset = HEADER_BYTES;
  for (let length = bytes.readUInt8(offset); length > 0; length = bytes.readUInt8(offset)) {
    labels.push(bytes.toString('latin1', offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  const code = bytes.readUInt16BE(offset + 1);
  const end = offset + 5;
  // The root as name, then the type: the one additional record that a client sends.
  const hasEdns = bytes.readUInt16BE(10) === 1 && bytes.readUInt16BE(end + 1) === OPT;
  return {
    id: bytes.readUInt16BE(0),
    name: labels.join('.'),
    type: Object.entries(TYPES).find(([, value]) => value === code)?.[0] ?? String(code),
    room: hasEdns ? bytes.readUInt16BE(end + 3) : 512,
    hasEdns,
    section: bytes.subarray(HEADER_BYTES, end),
  };
}

/** With `room`, what does not fit is cut off in the middle, and said to be. */
export function writeReply(question: TestQuestion, reply: TestReply, room = 65_535): Buffer {
  const { code = 0, answers = [], authorities = [], additionals = [] } = reply;
  const header = Buffer.alloc(HEADER_BYTES);
  const records = [...answers, ...authorities, ...additionals].map((record) => writeRecord(record, question));
  const whole = Buffer.concat([header, question.section, ...records]);
  header.writeUInt16BE(question.id, 0);
  header.writeUInt16BE(FLAGS | code | (whole.length > room ? TRUNCATED : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(authorities.length, 8);
  header.writeUInt16BE(additionals.length, 10);
  return Buffer.concat([header, whole.subarray(HEADER_BYTES, room)]);
}

function writeRecord(record: TestRecord, question: TestQuestion): Buffer {
  const data = writeData(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[record.type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(record.ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  const name = record.name === question.name ? QUESTION_NAME : writeName(record.name);
  return Buffer.concat([name, fixed, data]);
}

function writeData(record: TestRecord): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.address.split('.').map(Number));
    case 'AAAA':
      return writeIpv6(record.address);
    case 'CNAME':
    case 'NS':
      return writeName(record.target);
    case 'SRV': {
      const fixed = Buffer.alloc(6);
      fixed.writeUInt16BE(record.priority, 0);
      fixed.writeUInt16BE(record.weight, 2);
      fixed.writeUInt16BE(record.port, 4);
      return Buffer.concat([fixed, writeName(record.target)]);
    }
    case 'SOA': {
      const numbers = Buffer.alloc(20);
      numbers.writeUInt32BE(record.minimum, 16);
      return Buffer.concat([writeName('ns.test'), writeName('admin.test'), numbers]);
    }
  }
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

function writeIpv6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail)];
  const zeros = address.includes('::') ? 8 - first.length - last.length : 0;
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...first, ...Array<number>(zeros).fill(0), ...last].entries()) {
    bytes.writeUInt16BE(group, index * 2);
  }
  return bytes;
}
