import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Turn } from '../../src/core/turn.js';
import { connectionUnderTest } from '../support/connection-under-test.js';
import { type RawUpstream, rawUpstream } from '../support/raw-upstream.js';
import { Sequence } from '../support/sequence.js';

/** Turns that last until the test ends them. */
class HeldTurns {
  readonly #ends = new Sequence<() => void>('a turn that something waits for');
  readonly turn = new Turn(
    () => undefined,
    (task) => this.#ends.push(task),
  );
  #ended = 0;

  /** Ends the next turn that something waits for, once something does. */
  async end(): Promise<void> {
    const end = await this.#ends.nth(this.#ended);
    this.#ended += 1;
    end();
  }
}

/** A kept connection that has been given a second request, which leaves when the turn ends. */
async function withSecondRequest(t: TestContext) {
  const upstream = await rawUpstream();
  t.after(() => upstream.close());
  const turns = new HeldTurns();
  const under = connectionUnderTest(t, upstream.port, { turn: turns.turn });
  under.send();
  await turns.end();
  await under.said('end');
  under.send();
  return { ...under, upstream, turns };
}

type How = (upstream: RawUpstream) => Promise<unknown>;

const ENDINGS: Readonly<Record<string, How>> = {
  'closes it': async (upstream) => (await upstream.connection()).end(),
  'resets it': async (upstream) => (await upstream.connection()).reset(),
  'says that it has waited long enough': async (upstream) =>
    (await upstream.connection()).write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'),
};

describe('a request that waits for the end of the turn', () => {
  for (const [how, end] of Object.entries(ENDINGS)) {
    test(`has not been sent when the endpoint ${how} before`, async (t) => {
      const { upstream, said, story, connection, turns } = await withSecondRequest(t);
      await end(upstream);
      await said('failure reset');
      await turns.end();
      assert.equal(story(), 'sent, head, data, idle, end, closed, failure reset');
      assert.equal(connection.reused, true);
    });
  }

  test('is not sent at all when its connection is given up before', async (t) => {
    const { connection, story, turns } = await withSecondRequest(t);
    connection.destroy();
    await turns.end();
    assert.equal(story(), 'sent, head, data, idle, end');
  });

  test('is sent when the turn ends, not sooner', async (t) => {
    const { said, story, turns } = await withSecondRequest(t);
    assert.equal(story(), 'sent, head, data, idle, end');
    await turns.end();
    await said('end', 1);
    assert.equal(story(), 'sent, head, data, idle, end, sent, head, data, idle, end');
  });
});
