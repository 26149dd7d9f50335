import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turn } from '../../src/core/turn.js';
import { ClientReply, type ReplyHead } from '../../src/proxy/client-reply.js';
import type { ClientResponse } from '../../src/proxy/client-side.js';
import type { Problem } from '../../src/proxy/problem.js';

// Whatever an endpoint sends, and whatever Node throws for: nothing may leave an event handler.

const HEAD: ReplyHead = { status: 200, reason: 'OK', headers: ['X-Bad', '1'] };
const own = (): Problem => ({
  status: 502,
  reason: 'Bad',
  headers: ['X-Own', '1'],
  body: Buffer.from('own'),
});

type Refused = 'head' | 'frame' | 'trailers' | 'all';

/** Refuses the endpoint's head or trailers, as Node's responses do: one at once, the other when it makes the frame. */
class Touchy implements ClientResponse {
  statusCode = 200;
  headersSent = false;
  readonly writableFinished = false;
  readonly chunkedEncoding = true;
  readonly useChunkedEncodingByDefault = true;
  readonly said: string[] = [];
  readonly #refused: Refused;

  constructor(refused: Refused) {
    this.#refused = refused;
  }

  writeHead(status: number, _reason: string, headers: string[]): void {
    this.statusCode = status;
    if (this.#refused === 'all' || (this.#refused === 'head' && headers.includes('X-Bad')))
      throw new TypeError('refused');
    this.said.push(`${status} ${headers.join(' ')}`);
  }

  flushHeaders(): void {
    this.#send();
  }

  write(chunk: Buffer): boolean {
    this.#send();
    this.said.push(String(chunk));
    return true;
  }

  addTrailers(): void {
    if (this.#refused === 'trailers') throw new TypeError('refused');
  }

  end(last?: Buffer | string): void {
    this.#send();
    this.said.push(`${last ?? ''}.`);
  }

  writeContinue(): void {
    throw new Error('not asked for');
  }

  destroy(): void {
    this.said.push('cut');
  }

  once(): void {
    throw new Error('not asked for');
  }

  off(): void {
    throw new Error('not asked for');
  }

  #send(): void {
    if (this.#refused === 'frame' && this.statusCode === 200) throw new TypeError('refused');
    this.headersSent = true;
  }
}

interface Held {
  readonly reply: ClientReply;
  readonly response: Touchy;
  /** How often it was asked for another answer. */
  readonly asked: () => number;
}

function held(refused: Refused): Held {
  const response = new Touchy(refused);
  let asked = 0;
  const reply = new ClientReply(
    response,
    new Turn(),
    () => false,
    () => {
      asked += 1;
      return own();
    },
  );
  reply.hold({ ...HEAD, headers: [...HEAD.headers] });
  return { reply, response, asked: () => asked };
}

for (const refused of ['head', 'frame'] as const) {
  const answer = ['502 X-Own 1 Connection close', 'own.'];
  const said = refused === 'head' ? answer : ['200 X-Bad 1', ...answer];

  test(`a ${refused} that Node refuses is answered with 502, when it ends in the same turn`, () => {
    const { reply, response, asked } = held(refused);
    reply.write(Buffer.from('theirs'));
    reply.end([]);
    reply.atTurnEnd();
    assert.deepEqual([response.said, asked(), reply.status, reply.bytes], [said, 1, 502, 3]);
  });

  test(`and when it does not: a ${refused} is replaced once, and what follows it is dropped`, () => {
    const { reply, response, asked } = held(refused);
    reply.atTurnEnd();
    assert.equal(reply.write(Buffer.from('theirs')), true);
    reply.write(Buffer.from('more'));
    reply.end([['X-A', '1']]);
    assert.deepEqual([response.said, asked(), reply.status, reply.bytes], [said, 1, 502, 3]);
  });
}

test('trailers that Node refuses cut a response that has begun', () => {
  const { reply, response } = held('trailers');
  reply.write(Buffer.from('theirs'));
  reply.flush();
  reply.end([['X-A', '1']]);
  reply.atTurnEnd();
  assert.deepEqual(response.said, ['200 X-Bad 1', 'theirs', 'cut']);
});

test('where nothing at all can be written, the connection is cut', () => {
  const { reply, response } = held('all');
  reply.flush();
  assert.deepEqual(response.said, ['cut']);
});
