import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { InterimFilter } from '../../src/upstream/interim-filter.js';
import { head, ok } from '../support/raw-http.js';

/** A socket that is told what arrives. */
class ScriptedSocket extends Socket {
  override _read(): void {}

  arrive(bytes: string): void {
    this.push(Buffer.from(bytes, 'latin1'));
  }

  /** All that came through since the last look. */
  passed(): string {
    const bytes: unknown = this.read();
    return Buffer.isBuffer(bytes) ? bytes.toString('latin1') : '';
  }
}

function watched(): { readonly socket: ScriptedSocket; readonly filter: InterimFilter } {
  const socket = new ScriptedSocket();
  const filter = new InterimFilter(socket);
  return { socket, filter };
}

/** What comes through after a request, when `bytes` arrive in these pieces. */
function passedAfterRequest(...pieces: readonly string[]): string {
  const { socket, filter } = watched();
  filter.arm();
  for (const piece of pieces) socket.arrive(piece);
  return socket.passed();
}

const CONTINUE = head('HTTP/1.1 100 Continue');
const CONTINUE_WITH_FIELDS = head('HTTP/1.1 100 Go on', 'Date: today', 'Content-Length: 0');
const EARLY_HINTS = head('HTTP/1.1 103 Early Hints', 'Link: </a.css>');
const ANSWER = ok('HTTP/1.1 100 Continue\r\n\r\n');

const STREAMS: Record<string, readonly [arriving: string, passed: string]> = {
  'a response without any': [ANSWER, ANSWER],
  'one before the response': [CONTINUE + ANSWER, ANSWER],
  'one with fields': [CONTINUE_WITH_FIELDS + ANSWER, ANSWER],
  'two in a row': [CONTINUE + CONTINUE_WITH_FIELDS + ANSWER, ANSWER],
  'one before another interim response': [CONTINUE + EARLY_HINTS + ANSWER, EARLY_HINTS + ANSWER],
  'a response of HTTP/1.0': [`HTTP/1.0 200 OK\r\n\r\nok`, `HTTP/1.0 200 OK\r\n\r\nok`],
  'what is no HTTP': ['HTTPS? 100 no', 'HTTPS? 100 no'],
};

for (const [what, [arriving, passed]] of Object.entries(STREAMS)) {
  test(`${what}: 100s are taken out and nothing else, wherever the bytes are cut`, () => {
    assert.equal(passedAfterRequest(arriving), passed, 'in one piece');
    for (let cut = 1; cut < arriving.length; cut += 1) {
      const pieces = [arriving.slice(0, cut), arriving.slice(cut)];
      assert.equal(passedAfterRequest(...pieces), passed, `cut after byte ${cut}`);
    }
    assert.equal(passedAfterRequest(...arriving), passed, 'byte by byte');
  });
}

test('the head of a response is not held back once it can be no 100', () => {
  const { socket, filter } = watched();
  filter.arm();
  socket.arrive('HTTP/1.1 2');
  assert.equal(socket.passed(), 'HTTP/1.1 2');
});

test('a body is never looked at: its bytes pass at once, whatever they spell', () => {
  const { socket, filter } = watched();
  filter.arm();
  socket.arrive(head('HTTP/1.1 200 OK', 'Content-Length: 25'));
  socket.passed();
  socket.arrive('HTTP/1.1 100');
  assert.equal(socket.passed(), 'HTTP/1.1 100');
});

test('each request on a kept connection is watched anew', () => {
  const { socket, filter } = watched();
  for (let request = 0; request < 3; request += 1) {
    filter.arm();
    socket.arrive(CONTINUE);
    socket.arrive(ANSWER);
    assert.equal(socket.passed(), ANSWER);
  }
});

test('nothing is taken out before a request was sent', () => {
  const { socket } = watched();
  socket.arrive(CONTINUE);
  assert.equal(socket.passed(), CONTINUE);
});

test('a 100 whose head never ends is let through for the parser to refuse', () => {
  const endless = `HTTP/1.1 100 Continue\r\nX-Long: ${'a'.repeat(17 * 1024)}`;
  assert.equal(passedAfterRequest(endless), endless);
});

test('the end of the connection comes through, also after a 100', async () => {
  const { socket, filter } = watched();
  filter.arm();
  const ended = new Promise((resolve) => socket.once('end', resolve));
  socket.arrive(CONTINUE);
  socket.push(null);
  socket.resume();
  await ended;
});
