import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IKeyValue, IRangeResponse, IResponseHeader, IWatchResponse } from 'etcd3';
import { type Random, randomBelow, seededRandom } from '../../src/core/random.js';
import { watchRefusal } from '../../src/etcd/errors.js';
import { authenticate, leaseTimeToLive } from '../../src/etcd/method.js';
import { ProtobufError } from '../../src/etcd/protobuf-reader.js';
import { type RangeResult, range } from '../../src/etcd/range.js';
import { type WatchMessage, watch } from '../../src/etcd/watch.js';
import type { Header, KeyValue } from '../../src/etcd/wire.js';
import { etcdMethod } from '../support/etcd-method.js';

// What protobufjs makes of etcd's API is what our own reading and writing of a part of it is held to.

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_202);
const MESSAGES = 3000;
const MUTATIONS = 20_000;

const { responseSerialize: encodeRange, responseDeserialize: decodeRange } = etcdMethod('KV/Range');
const { responseSerialize: encodeWatch, responseDeserialize: decodeWatch } = etcdMethod('Watch/Watch');

/** Integers with a liking for the ends of what each number of bytes can hold. */
function integer(random: Random, bits: 63 | 64): string {
  const width = randomBelow(random, bits + 1);
  const high = BigInt(randomBelow(random, 2 ** 32)) << 32n;
  const value = BigInt.asUintN(width, high + BigInt(randomBelow(random, 2 ** 32)));
  return String(random() < 0.3 ? BigInt.asUintN(width, -1n) : value);
}

function text(random: Random, least: 0 | 1 = 0): string {
  const length = least + (random() < 0.005 ? randomBelow(random, 20_000) : randomBelow(random, 40));
  const alphabet = random() < 0.5 ? [...'/abc-0:{}'] : [...'/ab\u0000ü語🐟'];
  return Array.from({ length }, () => alphabet[randomBelow(random, alphabet.length)]).join('');
}

function header(random: Random): IResponseHeader {
  return {
    cluster_id: integer(random, 64),
    member_id: integer(random, 64),
    revision: integer(random, 63),
    raft_term: integer(random, 64),
  };
}

function keyValue(random: Random): IKeyValue {
  return {
    key: Buffer.from(text(random, 1)),
    create_revision: integer(random, 63),
    mod_revision: String(BigInt(integer(random, 63)) || 1n),
    version: integer(random, 63),
    value: random() < 0.1 ? Buffer.from([0xff, 0xc0, randomBelow(random, 256)]) : Buffer.from(text(random)),
    lease: random() < 0.3 ? '0' : random() < 0.1 ? `-${integer(random, 63)}` : integer(random, 63),
  };
}

function times<T>(random: Random, most: number, make: (random: Random) => T): T[] {
  return Array.from({ length: randomBelow(random, most + 1) }, () => make(random));
}

function randomRange(random: Random): object {
  const kvs = times(random, 4, keyValue);
  const more = kvs.length > 0 && random() < 0.5;
  const count = more ? kvs.length + 1 + randomBelow(random, 2 ** 31) : kvs.length;
  return { header: header(random), kvs, more, count: String(count) };
}

function randomWatch(random: Random): object {
  return {
    header: header(random),
    watch_id: random() < 0.2 ? '-1' : integer(random, 63),
    created: random() < 0.2,
    canceled: random() < 0.2,
    compact_revision: integer(random, 63),
    cancel_reason: random() < 0.2 ? text(random) : '',
    fragment: random() < 0.2,
    events: times(random, 4, () => ({
      type: random() < 0.5 ? 'Put' : 'Delete',
      kv: keyValue(random),
      ...(random() < 0.3 && { prev_kv: keyValue(random) }),
    })),
  };
}

function expectedHeader(from: IResponseHeader): Header {
  return { clusterId: from.cluster_id, revision: BigInt(from.revision) };
}

function expectedKeyValue(from: IKeyValue): KeyValue {
  const lease = from.lease === '0' ? '' : from.lease;
  return {
    key: from.key.toString(),
    value: from.value.toString(),
    revision: BigInt(from.mod_revision),
    lease,
  };
}

function expectedRange(bytes: Buffer): RangeResult {
  const answer = decodeRange(bytes) as IRangeResponse;
  const last = answer.kvs.at(-1);
  return {
    header: expectedHeader(answer.header),
    kvs: answer.kvs.map(expectedKeyValue),
    next: answer.more && last ? Buffer.concat([last.key, Buffer.from([0])]) : undefined,
    count: Number(answer.count),
  };
}

function expectedWatch(bytes: Buffer): WatchMessage {
  const answer = decodeWatch(bytes) as IWatchResponse;
  return {
    header: expectedHeader(answer.header),
    created: answer.created,
    refused: answer.canceled ? watchRefusal(answer.cancel_reason) : undefined,
    compactRevision: BigInt(answer.compact_revision),
    fragment: answer.fragment,
    // Declared as an enum's number, decoded as its name.
    events: answer.events.map(({ type, kv }) => ({
      type: String(type) === 'Put' ? ('put' as const) : ('delete' as const),
      kv: expectedKeyValue(kv),
    })),
  };
}

const KINDS = [
  {
    name: 'an answer to a range',
    encode: (random: Random) => encodeRange(randomRange(random)),
    read: range.read,
    expected: expectedRange,
  },
  {
    name: 'a message of a watch',
    encode: (random: Random) => encodeWatch(randomWatch(random)),
    read: watch.read,
    expected: expectedWatch,
  },
] as const;

/** Lets only ProtobufError pass for a refusal. */
function orRefusal<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof ProtobufError, String(error));
    return undefined;
  }
}

function mutated(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let left = 1 + randomBelow(random, 3); left > 0; left -= 1) {
    const at = randomBelow(random, copy.length);
    if (random() < 0.5) copy[at] = randomBelow(random, 256);
    else copy[at] = (copy[at] ?? 0) ^ (1 << randomBelow(random, 8));
  }
  const cut = randomBelow(random, copy.length);
  return random() < 0.2 ? Buffer.concat([copy.subarray(0, cut), copy.subarray(cut + 1)]) : copy;
}

for (const { name, encode, read, expected } of KINDS) {
  test(`${name} reads as protobufjs reads it`, () => {
    const random = seededRandom(SEED);
    for (let left = MESSAGES; left > 0; left -= 1) {
      const bytes = encode(random);
      assert.deepEqual(read(bytes), expected(bytes));
    }
  });

  test(`${name} cut anywhere is refused, or as much less as it still says`, () => {
    const random = seededRandom(SEED + 1);
    let refused = 0;
    for (let left = 300; left > 0; left -= 1) {
      const bytes = encode(random).subarray(0, 600);
      for (let length = 0; length < bytes.length; length += 1) {
        const piece = bytes.subarray(0, length);
        const message = orRefusal(() => read(piece));
        if (message === undefined) refused += 1;
        else assert.deepEqual(message, expected(piece));
      }
    }
    assert.ok(refused > 30_000, `only ${refused} were refused`);
  });

  test(`${name} with bytes changed is refused, or reads as protobufjs reads it`, () => {
    const random = seededRandom(SEED + 2);
    let compared = 0;
    let bytes = encode(random);
    for (let left = MUTATIONS; left > 0; left -= 1) {
      if (left % 5 === 0) bytes = encode(random);
      const changed = mutated(random, bytes);
      const message = orRefusal(() => read(changed));
      if (message === undefined) continue;
      compared += 1;
      assert.deepEqual(message, expected(changed), changed.toString('hex'));
    }
    assert.ok(compared > MUTATIONS / 10, `only ${compared} were read`);
  });

  test(`${name} of any bytes at all is read in bounded time, or refused`, () => {
    const random = seededRandom(SEED + 3);
    for (let left = MUTATIONS; left > 0; left -= 1) {
      const bytes = Buffer.from(times(random, 60, () => randomBelow(random, 256)));
      const message = orRefusal(() => read(bytes));
      if (message !== undefined) assert.deepEqual(message, expected(bytes));
    }
  });
}

// Cut right after its header it says what an empty registry says; what comes before that is refused as well.
test('an answer to a range that has been cut within or between its keys is refused', () => {
  const random = seededRandom(SEED + 4);
  for (let left = 300; left > 0; left -= 1) {
    const bytes = encodeRange({ header: header(random), kvs: [keyValue(random)], more: false, count: '1' });
    const afterHeader = 2 + (bytes[1] ?? 0);
    for (let length = afterHeader + 1; length < Math.min(bytes.length, 600); length += 1) {
      assert.throws(() => range.read(bytes.subarray(0, length)), ProtobufError);
    }
  }
});

const HEADER = '0a020801';
/** A key `k` of revision 5. */
const KEY = '0a016b1805';
/** Fields that no version of etcd has: a varint, eight bytes, a length with two, four bytes. */
const UNKNOWN = 'a006ffffffffffffffffff01' + 'a1060102030405060708' + 'a206020a0b' + 'a50601020304';

test('fields that are not known are passed over, at any depth', () => {
  const kv = `${KEY}${UNKNOWN}2a0176`;
  const event = `${UNKNOWN}12${hexLength(kv)}${kv}`;
  const bytes = Buffer.from(`${UNKNOWN}${HEADER}5a${hexLength(event)}${event}${UNKNOWN}`, 'hex');
  const { events } = watch.read(bytes);
  assert.deepEqual(events, [{ type: 'put', kv: { key: 'k', value: 'v', revision: 5n, lease: '' } }]);
});

function hexLength(hex: string): string {
  assert.ok(hex.length / 2 < 128);
  return (hex.length / 2).toString(16).padStart(2, '0');
}

for (const [what, hex, reason] of [
  ['no header', '1801', /^ProtobufError: there is no header, at byte 2$/],
  ['a header twice', HEADER + HEADER, /field 1 is there twice/],
  ['an event without a key', `${HEADER}5a00`, /^ProtobufError: there is no key in an event, at byte 6$/],
  ['a key that is empty', `${HEADER}5a0412021805`, /there is no key, at byte 10/],
  ['a key without a revision', `${HEADER}5a0512030a016b`, /a key has no revision/],
  ['a key of a revision below 0', `${HEADER}5a10120e0a016b18ffffffffffffffffff01`, /a key has no revision/],
  ['an event of a third kind', `${HEADER}5a0908021205${KEY}`, /no event of type 2/],
  ['a known field in another form', `${HEADER}12011a`, /field 2 has the wire type 2/],
  ['a group', `${HEADER}6364`, /field 12 has the wire type 3/],
  ['a field 0', `${HEADER}0000`, /number 0/],
  ['a bool of 2', `${HEADER}1802`, /neither true nor false/],
  ['a part longer than the whole', `${HEADER}5a7f00`, /ends in the middle/],
  ['a part longer than the part around it', `${HEADER}5a0312050a00000000`, /ends in the middle/],
  ['a length of 2^32', `${HEADER}5a808080801000`, /more than 32 bits/],
  ['a length without end', `${HEADER}5affffffffffffffffff01`, /more than 32 bits/],
  ['an integer of 65 bits', `${HEADER}10ffffffffffffffffff02`, /more than 64 bits/],
  ['an integer without end', `${HEADER}10ffffffffffffffffffff01`, /more than 64 bits/],
  ['an unknown integer without end', `${HEADER}78ffffffffffffffffffff01`, /more than 64 bits/],
] as const) {
  test(`a message of a watch with ${what} is refused`, () => {
    assert.throws(() => watch.read(Buffer.from(hex, 'hex')), reason);
  });
}

for (const [what, hex, reason] of [
  ['no header', '', /there is no header/],
  ['fewer keys than it counts', `${HEADER}1205${KEY}2002`, /1 of 2 keys are there, and no more to come/],
  ['more keys than it counts', `${HEADER}1205${KEY}`, /1 of 0 keys are there/],
  ['more to come after the last', `${HEADER}1205${KEY}18012001`, /1 of 1 keys are there, and more to come/],
  ['more to come and no key to go on after', `${HEADER}18012001`, /no key after which to go on/],
  ['a key that is empty', `${HEADER}120218052001`, /there is no key/],
] as const) {
  test(`an answer to a range with ${what} is refused`, () => {
    assert.throws(() => range.read(Buffer.from(hex, 'hex')), reason);
  });
}

test('an answer about a lease, and one with a token, are refused when they say nothing', () => {
  assert.throws(() => leaseTimeToLive.read(Buffer.alloc(0)), /there is no header/);
  assert.throws(() => authenticate.read(Buffer.alloc(0)), /there is no token/);
});

test('requests are what protobufjs writes', () => {
  const key = Buffer.from('/a');
  const end = Buffer.from([0]);
  const [key64, max] = ['/key', (1n << 63n) - 1n];
  for (const [written, name, request] of [
    [range.write({ key: '/a' }), 'KV/Range', { key }],
    [
      range.write({ key: key64, end, limit: 1000, revision: max, keysOnly: true }),
      'KV/Range',
      { key: Buffer.from(key64), range_end: end, limit: 1000, revision: String(max), keys_only: true },
    ],
    [
      watch.write({ kind: 'create', key: '/a', end, from: 300n }),
      'Watch/Watch',
      {
        create_request: {
          key,
          range_end: end,
          start_revision: '300',
          progress_notify: true,
          fragment: true,
        },
      },
    ],
    [watch.write({ kind: 'progress' }), 'Watch/Watch', { progress_request: {} }],
    [leaseTimeToLive.write('-5'), 'Lease/LeaseTimeToLive', { ID: '-5', keys: true }],
    [leaseTimeToLive.write('7587883259'), 'Lease/LeaseTimeToLive', { ID: '7587883259', keys: true }],
    [
      authenticate.write({ name: 'größe', password: 'x'.repeat(300) }),
      'Auth/Authenticate',
      { name: 'größe', password: 'x'.repeat(300) },
    ],
  ] as const) {
    assert.equal(written.toString('hex'), etcdMethod(name).requestSerialize(request).toString('hex'));
  }
});

test('small answers read as protobufjs wrote them', () => {
  const header = { cluster_id: '1', revision: '5' };
  const state = {
    header,
    ID: '9',
    TTL: '-1',
    grantedTTL: '30',
    keys: [Buffer.from('/a'), Buffer.from('/b')],
  };
  assert.deepEqual(leaseTimeToLive.read(etcdMethod('Lease/LeaseTimeToLive').responseSerialize(state)), {
    ttl: -1,
    grantedTtl: 30,
    keys: ['/a', '/b'],
  });
  const token = 'abc.15';
  assert.equal(
    authenticate.read(etcdMethod('Auth/Authenticate').responseSerialize({ header, token })),
    token,
  );
});
