import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Turn, type Waiting } from '../../src/core/turn.js';

class Rig {
  readonly done: string[] = [];
  readonly #tasks: (() => void)[] = [];
  readonly #next: (() => void)[] = [];
  readonly turn = new Turn(
    (task) => this.#tasks.push(task),
    (task) => this.#next.push(task),
    () => this.nowMs,
  );
  nowMs = 0;

  /** `underWay` requests. */
  constructor(underWay = 2) {
    for (let request = 0; request < underWay; request += 1) this.turn.began();
  }

  waiting(name: string, then: () => void = () => undefined): Waiting {
    return {
      atTurnEnd: () => {
        this.done.push(name);
        then();
      },
    };
  }

  add(...names: readonly string[]): void {
    for (const name of names) this.turn.add(this.waiting(name));
  }

  /** How often the end of a turn was asked for and has not come. */
  get scheduled(): number {
    return this.#tasks.length;
  }

  endTurn(): void {
    for (const task of this.#tasks.splice(0)) task();
  }

  /** What runs now is done; the turn goes on. */
  endCallback(): void {
    for (const task of this.#next.splice(0)) task();
  }
}

describe('what waits for the end of the turn', () => {
  test('is done then, in order, once', () => {
    const rig = new Rig();
    rig.add('a', 'b');
    assert.deepEqual(rig.done, []);
    rig.endTurn();
    rig.endTurn();
    assert.deepEqual(rig.done, ['a', 'b']);
  });

  test('asks for the end of a turn once, however many wait, and not while none does', () => {
    const rig = new Rig();
    assert.equal(rig.scheduled, 0);
    rig.add('a', 'b', 'c');
    assert.equal(rig.scheduled, 1);
  });

  test('waits for the next turn when it comes while the others are done', () => {
    const rig = new Rig();
    rig.turn.add(rig.waiting('a', () => rig.add('b')));
    rig.endTurn();
    assert.deepEqual(rig.done, ['a']);
    rig.endTurn();
    assert.deepEqual(rig.done, ['a', 'b']);
  });

  test('is not kept for longer once 32 wait', () => {
    const rig = new Rig();
    const names = Array.from({ length: 33 }, (_, index) => `${index}`);
    rig.add(...names.slice(0, 32));
    assert.deepEqual(rig.done, []);
    rig.add('32');
    assert.deepEqual(rig.done, names.slice(0, 32));
    rig.endTurn();
    assert.deepEqual(rig.done, names);
  });

  test('is done though another of them throws', () => {
    const rig = new Rig();
    rig.add('a');
    rig.turn.add(
      rig.waiting('bad', () => {
        throw new Error('bad');
      }),
    );
    rig.add('b');
    assert.throws(() => rig.endTurn(), /bad/);
    rig.endTurn();
    assert.deepEqual(rig.done, ['a', 'bad', 'b']);
  });

  test('of a request that is alone is done before, and waits again once there are more', () => {
    const rig = new Rig(1);
    rig.add('alone');
    assert.deepEqual(rig.done, []);
    rig.endCallback();
    assert.deepEqual(rig.done, ['alone']);
    rig.turn.began();
    rig.add('among others');
    rig.endCallback();
    assert.deepEqual(rig.done, ['alone']);
    rig.endTurn();
    rig.turn.ended();
    rig.add('alone again');
    rig.endCallback();
    assert.deepEqual(rig.done, ['alone', 'among others', 'alone again']);
  });

  test('waits for the next turn too while connections come, and no longer', () => {
    const rig = new Rig();
    rig.turn.connected();
    rig.add('a');
    rig.turn.connected();
    rig.endTurn();
    rig.add('b');
    assert.deepEqual(rig.done, []);
    assert.equal(rig.scheduled, 1);
    rig.endTurn();
    assert.deepEqual(rig.done, ['a', 'b']);
  });

  const bounds: Readonly<Record<string, { turns: number; each: (rig: Rig) => void }>> = {
    '8 turns': { turns: 8, each: () => undefined },
    'a millisecond': {
      turns: 4,
      each: (rig) => {
        rig.nowMs += 0.25;
      },
    },
    'until 16 wait': { turns: 3, each: (rig) => rig.add(...Array.from({ length: 5 }, () => 'another')) },
  };
  for (const [bound, { turns, each }] of Object.entries(bounds)) {
    test(`waits for connections that never cease for ${bound}`, () => {
      const rig = new Rig();
      rig.add('first');
      for (let turn = 1; turn <= turns; turn += 1) {
        assert.deepEqual(rig.done, [], `in turn ${turn}`);
        rig.turn.connected();
        each(rig);
        rig.endTurn();
      }
      assert.equal(rig.done[0], 'first');
      assert.equal(rig.scheduled, 0);
    });
  }

  test('of a request is not alone while another connection is to bring one', () => {
    const rig = new Rig(1);
    rig.turn.connected();
    rig.add('a');
    rig.endCallback();
    assert.deepEqual(rig.done, []);
    rig.endTurn();
    rig.endTurn();
    assert.deepEqual(rig.done, ['a']);
    rig.turn.ended();
    rig.add('b');
    rig.endCallback();
    assert.deepEqual(rig.done, ['a', 'b']);
  });

  test('needs nothing but the event loop outside tests', async () => {
    const turn = new Turn();
    await new Promise<void>((resolve) => turn.add({ atTurnEnd: resolve }));
  });
});
