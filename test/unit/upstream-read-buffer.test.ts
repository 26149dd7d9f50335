import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ReadBuffer } from '../../src/upstream/read-buffer.js';

const WHOLE = 64 * 1024;

/** Reads `length` bytes of this value, as a socket does with the buffer it is given. */
function arrive(buffer: Buffer, length: number, value: number): void {
  buffer.fill(value, 0, length);
}

/** Whether all bytes are of this value. */
function holds(taken: Buffer, value: number): boolean {
  return taken.every((byte) => byte === value);
}

describe('where a connection reads to', () => {
  test('what was taken stays, whatever is read afterwards, on this connection or another', () => {
    const connections = [new ReadBuffer(), new ReadBuffer()];
    const taken: [piece: Buffer, value: number][] = [];
    const sizes = [10, WHOLE, WHOLE, 10, WHOLE / 4, WHOLE / 4 - 1, WHOLE, 1, WHOLE, WHOLE / 2, WHOLE / 4, 5];
    const last = [0, 0];
    let value = 0;
    for (const size of sizes) {
      for (const [index, connection] of connections.entries()) {
        value += 1;
        const buffer = connection.after(last[index] ?? 0);
        arrive(buffer, size, value);
        last[index] = size;
        assert.equal(connection.current, buffer);
        taken.push([connection.take(0, size), value]);
      }
    }
    for (const [piece, expected] of taken) assert.ok(holds(piece, expected), `piece ${expected}`);
  });

  test('several takings of one piece stay, whichever of them is large', () => {
    const reading = new ReadBuffer();
    const small = 100;
    for (const cuts of [
      [0, small, WHOLE],
      [0, WHOLE - small, WHOLE],
      [0, WHOLE / 2, WHOLE],
      [0, small, 2 * small, WHOLE],
    ]) {
      const buffer = reading.after(WHOLE);
      arrive(buffer, WHOLE, 1);
      const taken = cuts.slice(1).map((end, index) => reading.take(cuts[index] ?? 0, end));
      arrive(reading.after(WHOLE), WHOLE, 2);
      assert.ok(taken.every((piece) => holds(piece, 1)));
      assert.equal(Buffer.concat(taken).length, WHOLE);
    }
  });

  test('small pieces of all connections go through one buffer', () => {
    const [one, other] = [new ReadBuffer(), new ReadBuffer()];
    assert.equal(one.after(0), other.after(100));
    assert.equal(one.after(WHOLE / 4 - 1), other.current);
  });

  test('large pieces are not copied, and no buffer is made for one that nobody took', () => {
    const reading = new ReadBuffer();
    const first = reading.after(WHOLE);
    const taken = reading.take(0, WHOLE);
    assert.equal(taken.buffer, first.buffer);
    const second = reading.after(WHOLE);
    assert.notEqual(second, first);
    assert.equal(reading.after(WHOLE), second);
  });
});
