import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Follower } from '../../src/discovery/dns/follower.js';
import type { Located, Lookup, Remembered } from '../../src/discovery/dns/lookup.js';
import { ManualClock, settle } from '../support/manual-clock.js';

const one: Located = { ip: '10.0.0.1', port: 80, weight: 1, target: 'one.test' };
const two: Located = { ip: '10.0.0.2', port: 80, weight: 1, target: 'two.test' };

function answer(ttl: number, ...located: readonly Located[]): Lookup {
  return { located, ttl, unresolved: [] };
}

/** A follower whose answers are set by the test, and the moments at which it asked. */
class Followed {
  readonly clock = new ManualClock();
  readonly askedAt: number[] = [];
  readonly remembered: Remembered[] = [];
  next: Lookup | Error = answer(30, one);
  changes = 0;
  readonly follower: Follower;

  constructor(t: TestContext, chance = 0) {
    this.follower = new Follower({
      clock: this.clock,
      random: () => chance,
      onChange: () => {
        this.changes += 1;
      },
      lookUp: async (remembered) => {
        this.askedAt.push(this.clock.monotonic());
        this.remembered.push(remembered);
        if (this.next instanceof Error) throw this.next;
        return this.next;
      },
    });
    t.after(() => this.follower.close());
  }

  async start(): Promise<void> {
    this.follower.start();
    await settle();
  }

  get addresses(): readonly string[] | undefined {
    return this.follower.located?.map(({ ip }) => ip);
  }
}

test('a name is asked for again when its TTL has run out, not before', async (t) => {
  const followed = new Followed(t);
  await followed.start();
  await followed.clock.advance(29_999);
  assert.deepEqual(followed.askedAt, [0]);
  await followed.clock.advance(1);
  assert.deepEqual(followed.askedAt, [0, 30_000]);
});

test('up to a tenth of the TTL is added by chance', async (t) => {
  const followed = new Followed(t, 0.5);
  await followed.start();
  await followed.clock.advance(40_000);
  assert.deepEqual(followed.askedAt, [0, 31_500]);
});

test('a TTL below 1 s counts as 1 s, one above 5 min as 5 min', async (t) => {
  const followed = new Followed(t);
  followed.next = answer(0, one);
  await followed.start();
  await followed.clock.advance(1_000);
  followed.next = answer(86_400, one);
  await followed.clock.advance(1_000);
  await followed.clock.advance(300_000);
  assert.deepEqual(followed.askedAt, [0, 1_000, 2_000, 302_000]);
});

test('an error leaves the list and says why; the name is asked for again with back-off, for ever', async (t) => {
  const followed = new Followed(t, 1);
  await followed.start();
  followed.next = new Error('no answer');
  await followed.clock.advance(33_000);
  assert.deepEqual(followed.addresses, ['10.0.0.1']);
  assert.equal(followed.follower.error, 'no answer');
  await followed.clock.advance(60_000);
  const waits = followed.askedAt.map((at, index) => at - (followed.askedAt[index - 1] ?? at)).slice(2);
  assert.deepEqual(waits, [2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  followed.next = answer(30, two);
  await followed.clock.advance(15_000);
  assert.deepEqual(followed.addresses, ['10.0.0.2']);
  assert.equal(followed.follower.error, undefined);
});

test('an empty answer is believed at the third time, a second apart', async (t) => {
  const followed = new Followed(t);
  await followed.start();
  followed.next = answer(3_600);
  await followed.clock.advance(30_000);
  assert.deepEqual(followed.addresses, ['10.0.0.1']);
  await followed.clock.advance(1_000);
  assert.deepEqual(followed.addresses, ['10.0.0.1']);
  await followed.clock.advance(1_000);
  assert.deepEqual(followed.addresses, []);
  assert.equal(followed.follower.error, undefined);
});

test('one answer with endpoints, or an error, between empty ones: only the former begins the count anew', async (t) => {
  const followed = new Followed(t);
  followed.next = answer(1, one);
  await followed.start();
  const then = async (next: Lookup | Error): Promise<void> => {
    followed.next = next;
    await followed.clock.advance(1_000);
  };
  await then(answer(1));
  await then(answer(1));
  await then(answer(1, one));
  await then(answer(1));
  await then(answer(1));
  assert.deepEqual(followed.addresses, ['10.0.0.1']);
  await then(new Error('no answer'));
  await then(answer(1));
  assert.deepEqual(followed.addresses, []);
});

test('a name that has never had endpoints is listed as empty once that has been said three times', async (t) => {
  const followed = new Followed(t);
  followed.next = answer(1);
  await followed.start();
  await followed.clock.advance(1_999);
  assert.equal(followed.addresses, undefined);
  await followed.clock.advance(1);
  assert.deepEqual(followed.addresses, []);
});

test('a name without endpoints is asked for at least every 10 s', async (t) => {
  const followed = new Followed(t);
  followed.next = answer(3_600);
  await followed.start();
  await followed.clock.advance(2_000);
  await followed.clock.advance(10_000);
  assert.deepEqual(followed.askedAt, [0, 1_000, 2_000, 12_000]);
});

test('an answer holds until it is asked for again; an error and a doubt do not make it hold longer', async (t) => {
  const followed = new Followed(t);
  await followed.start();
  assert.equal(followed.follower.holdsUntil, 30_000);
  followed.next = new Error('no answer');
  await followed.clock.advance(30_000);
  followed.next = answer(30);
  await followed.clock.advance(1_000);
  assert.equal(followed.askedAt.length, 3);
  assert.equal(followed.follower.holdsUntil, 30_000);
});

test('the addresses of each target are handed to the next question', async (t) => {
  const followed = new Followed(t);
  followed.next = answer(1, one, { ...one, ip: '::1' }, two);
  await followed.start();
  await followed.clock.advance(1_000);
  assert.deepEqual(
    followed.remembered[1],
    new Map([
      ['one.test', ['10.0.0.1', '::1']],
      ['two.test', ['10.0.0.2']],
    ]),
  );
});

test('a closed follower asks no more, leaves no timer and breaks off what is under way', async (t) => {
  const followed = new Followed(t);
  await followed.start();
  await followed.follower.close();
  await followed.clock.advance(600_000);
  assert.equal(followed.askedAt.length, 1);
  assert.equal(followed.clock.pending, 0);

  const clock = new ManualClock();
  let changes = 0;
  const waiting = new Follower({
    clock,
    random: () => 0,
    onChange: () => {
      changes += 1;
    },
    lookUp: (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('broken off')));
      }),
  });
  waiting.start();
  await waiting.close();
  assert.equal(changes, 0);
  assert.equal(clock.pending, 0);
});
