import assert from 'node:assert/strict';
import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { type Random, randomBelow, seededRandom } from '../../src/core/random.js';
import { head } from '../support/raw-http.js';
import { type ReadBack, readBack } from '../support/read-back.js';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_101);
const VALID = 3000;
const MUTATED = 6000;
const COMPARED = 600;

/** A response, and what is to be read of it. */
interface Sample {
  readonly method: string;
  readonly text: string;
  /** Whether it ends with the connection. */
  readonly untilClose: boolean;
  readonly expected: Pick<ReadBack, 'status' | 'reason' | 'content' | 'trailers'> & {
    readonly interim: readonly number[];
    readonly fields: readonly string[];
  };
}

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[randomBelow(random, items.length)];
  assert.ok(item !== undefined);
  return item;
}

/** Bytes of any value, with a liking for those that mean something around a body. */
function content(random: Random): string {
  const kind = randomBelow(random, 4);
  if (kind === 0) return '';
  const length = kind === 1 ? randomBelow(random, 2000) : randomBelow(random, 20);
  const telling = '\r\n0:; \x00aHTTP/1.1 200';
  return Array.from({ length }, () =>
    random() < 0.5 ? pick(random, [...telling]) : String.fromCharCode(randomBelow(random, 256)),
  ).join('');
}

function fields(random: Random): string[] {
  const names = ['X-A', 'date', "!#$%&'*+-.^_`|~1", 'Set-Cookie', 'Via', 'Content-Typ', 'Transfer-Encodings'];
  const values = ['', 'b', 'a b\tc', '"quoted, list"', '\x80\xff', 'x'.repeat(200), 'chunked', '5'];
  return Array.from({ length: randomBelow(random, 5) }, () => [
    pick(random, names),
    pick(random, values),
  ]).flat();
}

/** Field lines, with as much white space around their values as is allowed. */
function lines(random: Random, flat: readonly string[], blanks: readonly string[]): string[] {
  const blank = (): string => pick(random, blanks);
  return flat.flatMap((name, index) =>
    index % 2 === 0 ? [`${name}:${blank()}${flat[index + 1] ?? ''}${blank()}`] : [],
  );
}

/** The text in up to five pieces. */
function pieces(random: Random, text: string): string[] {
  const places = Array.from({ length: randomBelow(random, 5) }, () => randomBelow(random, text.length + 1));
  const edges = [0, ...places.sort((a, b) => a - b), text.length];
  return edges.slice(1).flatMap((end, index) => {
    const piece = text.slice(edges[index], end);
    return piece === '' ? [] : [piece];
  });
}

/** A chunked body as odd as it may be. */
function chunks(random: Random, text: string, trailers: readonly string[]): string {
  const extension = (): string => pick(random, ['', '', '', ';a=b', ';a="b;c"', ';a']);
  const size = (length: number): string => {
    const digits = length.toString(16).padStart(1 + randomBelow(random, 3), '0');
    return random() < 0.5 ? digits : digits.toUpperCase();
  };
  const parts = pieces(random, text).map((part) => `${size(part.length)}${extension()}\r\n${part}\r\n`);
  const end = trailers.map((line) => `${line}\r\n`).join('');
  return `${parts.join('')}${size(0)}${extension()}\r\n${end}\r\n`;
}

function sample(random: Random, blanks = ['', ' ', '\t', ' \t ']): Sample {
  const method = pick(random, ['GET', 'GET', 'POST', 'HEAD']);
  const status = pick(random, [200, 200, 200, 201, 204, 304, 404, 500, 599]);
  const reason = pick(random, ['OK', '', 'Not Found', 'a\tb \x80']);
  const framing = pick(random, ['length', 'chunked', 'close'] as const);
  const bodiless = method === 'HEAD' || status === 204 || status === 304;
  const body = bodiless ? '' : content(random);
  const trailers = framing === 'chunked' && !bodiless ? fields(random) : [];
  const framed = {
    length: ['Content-Length', String(bodiless ? randomBelow(random, 99) : body.length)],
    chunked: ['Transfer-Encoding', pick(random, ['chunked', 'Chunked'])],
    close: [],
  }[framing];
  const all = [...fields(random), ...framed, ...fields(random)];
  const interim = Array.from({ length: randomBelow(random, 3) }, () => pick(random, [100, 102, 103]));
  const informing = interim.map((code) =>
    head(`HTTP/1.1 ${code} Soon`, ...lines(random, fields(random), blanks)),
  );
  const line = `HTTP/1.1 ${status} ${reason}`;
  const sent =
    framing === 'chunked' && !bodiless ? chunks(random, body, lines(random, trailers, blanks)) : body;
  return {
    method,
    text: informing.join('') + head(line, ...lines(random, all, blanks)) + sent,
    untilClose: framing === 'close' && !bodiless,
    expected: { interim, status, reason, fields: all, content: body, trailers },
  };
}

function buffers(parts: readonly string[]): Buffer[] {
  return parts.map((part) => Buffer.from(part, 'latin1'));
}

test(`random responses, cut anywhere, are read back exactly (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let turn = 0; turn < VALID; turn += 1) {
    const { method, text, untilClose, expected } = sample(random);
    const read = readBack(buffers(pieces(random, text)), { method, ended: untilClose });
    const { verdict, status, reason, content, trailers, fields } = read;
    const said = { interim: read.interim.map(([code]) => code), status, reason, fields, content, trailers };
    assert.equal(verdict, 'complete', JSON.stringify(text));
    assert.deepEqual(said, expected, JSON.stringify(text));
  }
});

/** One to three small wrongs: a byte changed, left out, doubled or put in, a part moved or left out. */
function mutated(random: Random, text: string): string {
  const telling = [
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    ' ',
    '\t',
    ':',
    ';',
    ',',
    '\0',
    '\x7f',
    '0',
    '9',
    'f',
    '-',
    '+',
    'x',
  ];
  let out = text;
  for (let count = 1 + randomBelow(random, 3); count > 0; count -= 1) {
    // Mostly near the beginning, where the head is.
    const at = randomBelow(random, random() < 0.7 ? Math.min(out.length, 200) : out.length);
    const until = at + 1 + randomBelow(random, random() < 0.8 ? 1 : 30);
    const replaced = pick(random, [
      '',
      pick(random, telling),
      out.slice(at, until) + out.slice(at, until),
      out.slice(at, until) + pick(random, telling),
      String.fromCharCode(randomBelow(random, 256)),
      pick(random, [
        'Content-Length: 3\r\n',
        'Transfer-Encoding: chunked\r\n',
        'HTTP/1.1 200 OK\r\n',
        '5\r\n',
      ]),
    ]);
    out = out.slice(0, at) + replaced + out.slice(until);
  }
  return out;
}

test(`random wrongs are read or refused, the same wherever they are cut (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  const verdicts = { complete: 0, incomplete: 0, refused: 0 };
  for (let turn = 0; turn < MUTATED; turn += 1) {
    const { method, text } = sample(random);
    const bytes = mutated(random, text);
    const options = { method, ended: true, maxHead: 2048 };
    const whole = readBack(buffers([bytes]), options);
    const inPieces = readBack(buffers(pieces(random, bytes)), options);
    verdicts[whole.verdict] += 1;
    // A bound or a bare LF may show in a piece before the rest is there, and a reading ends where it is refused.
    if (whole.verdict !== 'refused') assert.equal(inPieces.verdict, whole.verdict, JSON.stringify(bytes));
    if (whole.verdict === 'complete') assert.equal(inPieces.content, whole.content, JSON.stringify(bytes));
    checkAnnounced(whole, method, bytes);
  }
  for (const [verdict, count] of Object.entries(verdicts))
    assert.ok(count > MUTATED / 100, `${verdict} ${count}`);
});

/** No more content than a length announces, and none where there may be none. */
function checkAnnounced({ status, fields, content }: ReadBack, method: string, bytes: string): void {
  if (fields === undefined) return assert.equal(content, '', JSON.stringify(bytes));
  const place = fields.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length');
  const bodiless = method === 'HEAD' || status === 204 || status === 304;
  const most = bodiless ? 0 : place < 0 ? bytes.length : Number(fields[place + 1]);
  assert.ok(content.length <= most, JSON.stringify(bytes));
}

/** A connection that answers any request with these pieces, and then FIN. */
class Answering extends Duplex {
  readonly #pieces: readonly Buffer[];
  #answered = false;

  constructor(parts: readonly Buffer[]) {
    super();
    this.#pieces = parts;
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done();
    if (this.#answered) return;
    this.#answered = true;
    for (const piece of this.#pieces) this.push(piece);
    this.push(null);
  }
}

interface NodeRead {
  readonly verdict: ReadBack['verdict'];
  readonly status: number | undefined;
  readonly content: string;
}

/** What Node's own client, strict as it is by default, makes of the same bytes. */
function nodeRead(parts: readonly Buffer[], method: string): Promise<NodeRead> {
  return new Promise((resolve) => {
    let status: number | undefined;
    let content = '';
    const done = (verdict: ReadBack['verdict']): void => {
      sent.destroy();
      resolve({ verdict, status, content });
    };
    const failed = (error: Error): void =>
      done('code' in error && String(error.code).startsWith('HPE_') ? 'refused' : 'incomplete');
    const createConnection = (): Duplex => new Answering(parts);
    const sent = request({ method, createConnection, insecureHTTPParser: false }, (response) => {
      status = response.statusCode;
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        content += text;
      });
      response.on('end', () => done('complete'));
      response.on('error', failed);
    });
    sent.on('upgrade', () => done('refused'));
    sent.on('error', failed);
    sent.end();
  });
}

/** White space (section 5), but llhttp refuses it behind a length, and knows no coding before it. */
const TAB_BEHIND = /^(?:content-length|transfer-encoding):.*\t *\r$/im;

/** Extensions are thrown away (section 7.1.1); llhttp reads their words. */
const EXTENSION = /^[0-9a-f]+;.*\r$/im;

test(`what Node's strict parser refuses is not taken, and what both take reads the same (seed ${SEED})`, async () => {
  const random = seededRandom(SEED + 2);
  let refusedByNode = 0;
  let takenByBoth = 0;
  for (let turn = 0; turn < COMPARED; turn += 1) {
    const { method, text } = sample(random, ['', ' ']);
    const bytes = turn % 5 === 0 ? text : mutated(random, text);
    const parts = buffers(pieces(random, bytes));
    const ours = readBack(parts, { method, ended: true });
    const node = await nodeRead(parts, method);
    const said = JSON.stringify({ turn, method, bytes });
    if (TAB_BEHIND.test(bytes)) continue;
    if (node.verdict === 'refused') {
      refusedByNode += 1;
      assert.ok(ours.verdict !== 'complete' || EXTENSION.test(bytes), said);
    } else if (ours.verdict !== 'refused') {
      takenByBoth += 1;
      assert.deepEqual([ours.verdict, ours.content], [node.verdict, node.content], said);
    }
  }
  const enough = refusedByNode > COMPARED / 4 && takenByBoth > COMPARED / 4;
  assert.ok(enough, `${refusedByNode} refused, ${takenByBoth} taken`);
});
