/** A field line as it was on the wire: the name in its own case, each byte of the value one latin1 character. */
export type Field = readonly [name: string, value: string];

export interface RawHead {
  /** `GET /x HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string;
  readonly fields: readonly Field[];
  /** Offset just past the empty line. */
  readonly end: number;
}

export interface RawMessage extends RawHead {
  readonly framing: 'none' | 'length' | 'chunked' | 'until-close';
  readonly body: Buffer;
  readonly trailers: readonly Field[];
}

export interface ReadOptions {
  readonly kind: 'request' | 'response';
  /** A response to HEAD, whose fields describe a body that is not there. */
  readonly bodiless?: boolean;
  /** Whether the sender has said that nothing follows (FIN). */
  readonly ended?: boolean;
}

const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s;
const START_LINES = {
  request: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP\/1\.[01]$/,
  response: /^HTTP\/1\.[01] [1-5][0-9]{2} ?.*$/,
};

/** Lines of a message head with their CRLFs and the empty line. */
export function head(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A complete chunked body; `trailers` are whole field lines. */
export function chunked(pieces: readonly string[], trailers: readonly string[] = []): string {
  const chunks = pieces.map((piece) => `${Buffer.byteLength(piece, 'latin1').toString(16)}\r\n${piece}\r\n`);
  return `${chunks.join('')}0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;
}

/** A `200` with a length and this body, on a connection that stays open. */
export function ok(body = 'ok', ...fields: readonly string[]): string {
  return head('HTTP/1.1 200 OK', ...fields, `Content-Length: ${Buffer.byteLength(body, 'latin1')}`) + body;
}

export function fieldsOf(message: RawHead, name: string): string[] {
  return message.fields
    .filter(([field]) => field.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}

export function fieldOf(message: RawHead, name: string): string | undefined {
  return fieldsOf(message, name)[0];
}

/** Every member of a comma-separated list field, over all its lines. */
export function membersOf(message: RawHead, name: string): string[] {
  return fieldsOf(message, name).flatMap((value) => value.split(',').map((member) => member.trim()));
}

export function statusOf(message: RawHead): number {
  return Number(message.startLine.split(' ')[1]);
}

/** Reads a head at `from`, or undefined while it is incomplete. Throws on what RFC 9112 does not allow a sender. */
export function readHead(bytes: Buffer, from: number, kind: ReadOptions['kind']): RawHead | undefined {
  const blank = bytes.indexOf('\r\n\r\n', from);
  if (blank < 0) return undefined;
  const [startLine = '', ...lines] = bytes.toString('latin1', from, blank).split('\r\n');
  if (!START_LINES[kind].test(startLine))
    throw new Error(`malformed start line ${JSON.stringify(startLine)}`);
  return { startLine, fields: lines.map(readField), end: blank + 4 };
}

/** Reads one whole message at `from`, or undefined while it is incomplete. Strict, as `readHead`. */
export function readMessage(bytes: Buffer, from: number, options: ReadOptions): RawMessage | undefined {
  const start = readHead(bytes, from, options.kind);
  if (start === undefined) return undefined;
  const framing = framingOf(start, options);
  if (framing === 'none') return { ...start, framing, body: Buffer.alloc(0), trailers: [] };
  if (framing === 'chunked') return readChunks(bytes, start);
  if (framing === 'until-close') {
    if (options.ended !== true) return undefined;
    return { ...start, framing, body: bytes.subarray(start.end), trailers: [], end: bytes.length };
  }
  const end = start.end + Number(fieldOf(start, 'content-length'));
  if (bytes.length < end) return undefined;
  return { ...start, framing, body: bytes.subarray(start.end, end), trailers: [], end };
}

function readField(line: string): Field {
  const match = FIELD.exec(line);
  const [, name, value] = match ?? [];
  if (name === undefined || value === undefined || /[\r\n\0]/.test(line)) {
    throw new Error(`malformed field line ${JSON.stringify(line)}`);
  }
  return [name, value];
}

function framingOf(start: RawHead, options: ReadOptions): RawMessage['framing'] {
  const codings = membersOf(start, 'transfer-encoding');
  const lengths = fieldsOf(start, 'content-length');
  if (options.kind === 'response') {
    const status = statusOf(start);
    if (options.bodiless === true || status < 200 || status === 204 || status === 304) return 'none';
  }
  if (codings.length > 0 && lengths.length > 0) throw new Error('both Content-Length and Transfer-Encoding');
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked')
      throw new Error(`coding ${codings.join()}`);
    return 'chunked';
  }
  if (lengths.length > 1 || !/^[0-9]*$/.test(lengths[0] ?? '')) throw new Error(`lengths ${lengths.join()}`);
  if (lengths.length === 1) return 'length';
  return options.kind === 'request' ? 'none' : 'until-close';
}

function readChunks(bytes: Buffer, start: RawHead): RawMessage | undefined {
  const chunks: Buffer[] = [];
  let at = start.end;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-fA-F]+$/.test(line)) throw new Error(`malformed chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) return readTrailers(bytes, start, at, Buffer.concat(chunks));
    if (bytes.length < at + size + 2) return undefined;
    if (bytes.toString('latin1', at + size, at + size + 2) !== '\r\n')
      throw new Error('chunk without its CRLF');
    chunks.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}

function readTrailers(bytes: Buffer, start: RawHead, from: number, body: Buffer): RawMessage | undefined {
  const trailers: Field[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    if (lineEnd === at) return { ...start, framing: 'chunked', body, trailers, end: at + 2 };
    trailers.push(readField(bytes.toString('latin1', at, lineEnd)));
    at = lineEnd + 2;
  }
}
