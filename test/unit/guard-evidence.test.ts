import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../../src/core/random.js';
import { createAddressPolicy } from '../../src/discovery/address-policy.js';
import { GuardedSource } from '../../src/discovery/guard.js';
import { ReflectedSource } from '../../src/discovery/reflected-source.js';
import { Registrations } from '../../src/discovery/registrations.js';
import { plainSchema } from '../../src/discovery/schemas/plain.js';
import type { ReleaseReason } from '../../src/discovery/source.js';
import { ManualClock } from '../support/manual-clock.js';
import { ScriptedRegistry } from '../support/scripted-registry.js';

/*
 * A watch tells of a delete its key and revision alone. The guard asks about the lease that the key was under when it
 * went, which is that of the put before, however that came to be known.
 */

const PREFIX = '/p';
const KEY = `${PREFIX}/goods/a`;
const ADDRESS = '10.0.0.1:80';
/** A round of waits of the reflector, of one probe, and of nothing that is held for long. */
const SOON = 3_000;

class Scene {
  readonly registry = new ScriptedRegistry();
  readonly clock = new ManualClock();
  readonly guard: GuardedSource;
  /** What requests could use, one after another: `listed`, `stale` or nothing, for the one endpoint. */
  readonly history: string[] = [];
  readonly released: ReleaseReason[] = [];

  /** The endpoint is listed under lease `1`, and the watch stands. */
  static async of(t: TestContext): Promise<Scene> {
    const scene = new Scene();
    t.after(() => scene.guard.close());
    scene.registry.put(KEY, ADDRESS, '1');
    scene.guard.start();
    await scene.clock.advance(0);
    scene.registry.watch.created();
    assert.deepEqual(scene.history, ['listed']);
    return scene;
  }

  private constructor() {
    const { clock, registry } = this;
    const common = { clock, announce: () => {} };
    const policy = createAddressPolicy();
    const source = new ReflectedSource({
      ...common,
      name: 'main',
      type: 'scripted',
      client: registry,
      registrations: new Registrations({ schema: plainSchema, prefix: PREFIX, policy, clock }),
      random: seededRandom(7),
    });
    this.guard = new GuardedSource({ ...common, source, staleTtl: 60_000, probe: async () => true });
    this.guard.subscribe(({ services, released }) => {
      const standings = services.get('goods')?.endpoints.map(({ standing }) => standing) ?? [];
      this.history.push(standings.join());
      this.released.push(...(released?.values() ?? []));
    });
  }

  async settle(): Promise<void> {
    await this.clock.advance(SOON);
  }
}

/** How the key comes to be deleted, and the lease that it was under by then. */
const WAYS: readonly (readonly [string, string, (scene: Scene) => Promise<void>])[] = [
  [
    'by a delete and nothing else',
    '1',
    async ({ registry }) => registry.watch.events([registry.delete(KEY)]),
  ],
  [
    'in the message that put it under another lease',
    '2',
    async ({ registry }) => registry.watch.events([registry.put(KEY, ADDRESS, '2'), registry.delete(KEY)]),
  ],
  [
    'in another fragment than the put under another lease',
    '2',
    async ({ registry }) => {
      registry.watch.events([registry.put(KEY, ADDRESS, '2')], { fragment: true });
      registry.watch.events([registry.delete(KEY)]);
    },
  ],
  [
    'a while after it was put under another lease',
    '2',
    async ({ registry, clock }) => {
      registry.watch.events([registry.put(KEY, ADDRESS, '2')]);
      await clock.advance(500);
      registry.watch.events([registry.delete(KEY)]);
    },
  ],
  [
    'after it was put twice in one message, and first taken away',
    '3',
    async ({ registry }) => {
      const first = [registry.put(KEY, ADDRESS, '2'), registry.delete(KEY)];
      registry.watch.events([...first, registry.put(KEY, ADDRESS, '3'), registry.delete(KEY)]);
    },
  ],
  [
    'after a list, which found it under another lease',
    '2',
    async ({ registry, clock }) => {
      registry.put(KEY, ADDRESS, '2');
      registry.compact();
      registry.watch.fail();
      await clock.advance(SOON);
      assert.equal(registry.lists.length, 2);
      registry.watch.events([registry.delete(KEY)]);
    },
  ],
  [
    'while the watch was away, with the put under another lease',
    '2',
    async ({ registry, clock }) => {
      registry.watch.fail();
      registry.put(KEY, ADDRESS, '2');
      registry.delete(KEY);
      await clock.advance(SOON);
      assert.equal(registry.lists.length, 1);
      registry.watch.created();
      registry.watch.backlog();
    },
  ],
  [
    'while the watch was away, and the put had come before',
    '2',
    async ({ registry, clock }) => {
      registry.watch.events([registry.put(KEY, ADDRESS, '2')]);
      registry.watch.fail();
      registry.delete(KEY);
      await clock.advance(SOON);
      registry.watch.created();
      registry.watch.backlog();
    },
  ],
  [
    'with a second key of the same address, under another lease, after the first',
    '2',
    async ({ registry }) => {
      const other = `${PREFIX}/goods/b`;
      registry.watch.events([registry.put(other, ADDRESS, '2')]);
      registry.watch.events([registry.delete(KEY), registry.delete(other)]);
    },
  ],
];

for (const [how, lease, deletes] of WAYS) {
  test(`a key that is deleted ${how}: its owner did it if that lease lives`, async (t) => {
    const scene = await Scene.of(t);
    scene.registry.livingLeases.add(lease);
    await deletes(scene);
    await scene.settle();
    assert.deepEqual(scene.registry.askedLeases, [lease]);
    assert.equal(scene.history.at(-1), '');
    assert.ok(!scene.history.includes('stale'));
    assert.deepEqual(scene.released, ['its owner deleted it']);
  });

  test(`a key that is deleted ${how}: it is held if that lease is gone, whichever others live`, async (t) => {
    const scene = await Scene.of(t);
    for (const other of ['1', '2', '3']) if (other !== lease) scene.registry.livingLeases.add(other);
    await deletes(scene);
    await scene.settle();
    assert.deepEqual(scene.registry.askedLeases, [lease]);
    assert.equal(scene.history.at(-1), 'stale');
  });
}

test('of a key that a list did not have, nobody is asked: it is held', async (t) => {
  const scene = await Scene.of(t);
  scene.registry.livingLeases.add('1');
  scene.registry.delete(KEY);
  scene.registry.compact();
  scene.registry.watch.fail();
  await scene.settle();
  assert.deepEqual(scene.registry.askedLeases, []);
  assert.equal(scene.history.at(-1), 'stale');
});
