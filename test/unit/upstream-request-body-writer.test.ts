import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { RequestBodyWriter } from '../../src/upstream/request-body-writer.js';
import { settle } from '../support/manual-clock.js';

/** A socket whose other end takes bytes when it is told to. */
class SlowSocket extends Socket {
  taken = '';
  #waiting: (() => void) | undefined;

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, done: () => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer | string }[], done: () => void): void {
    this.#waiting = () => {
      this.taken += chunks.map(({ chunk }) => chunk.toString('latin1')).join('');
      done();
    };
  }

  /** Takes all that is there, and what comes meanwhile. */
  async accept(): Promise<void> {
    for (let take = this.#waiting; take !== undefined; take = this.#waiting) {
      this.#waiting = undefined;
      take();
      await settle();
    }
  }
}

function writing(body: Readable, length: number | undefined) {
  const socket = new SlowSocket();
  let broken = 0;
  const writer = new RequestBodyWriter(socket, body, length, () => {
    broken += 1;
  });
  return { socket, writer, broken: () => broken };
}

test('content is complete only when the endpoint has taken all of it', async () => {
  for (const [length, sent] of [
    [5, 'hello'],
    [undefined, '5\r\nhello\r\n0\r\n\r\n'],
  ] as const) {
    const { socket, writer, broken } = writing(Readable.from([Buffer.from('hello')]), length);
    await settle();
    assert.equal(writer.complete, false, 'it is still on its way');
    await socket.accept();
    assert.equal(socket.taken, sent);
    assert.equal(writer.complete, true);
    assert.equal(broken(), 0);
    assert.equal(socket.listenerCount('drain'), 0);
  }
});

test('content waits while the socket is full, and goes on when it has drained', async () => {
  let read = 0;
  const body = new Readable({
    read() {
      read += 1;
      this.push(read > 20 ? null : Buffer.alloc(16 * 1024, 'a'));
    },
  });
  const { socket, writer } = writing(body, undefined);
  await settle();
  assert.ok(read < 10, `${read} chunks read ahead`);
  await socket.accept();
  assert.equal(writer.complete, true);
  assert.equal(socket.taken.replaceAll(/[^a]/g, '').length, 20 * 16 * 1024);
});

test('content that is stopped is let go, without a word and without a listener', async () => {
  const body = new Readable({ read: () => undefined });
  const { socket, writer, broken } = writing(body, undefined);
  writer.stop();
  writer.stop();
  await settle();
  assert.ok(body.destroyed);
  assert.equal(broken(), 0);
  assert.equal(socket.listenerCount('drain'), 0);
  assert.equal(writer.complete, false);
});
