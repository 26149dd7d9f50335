import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, randomBelow, seededRandom } from '../../src/core/random.js';
import { Reflector } from '../../src/discovery/reflector.js';
import { RegistryError, revisionOf } from '../../src/discovery/registry-client.js';
import { ManualClock } from '../support/manual-clock.js';
import { ScriptedRegistry, type ScriptedWatch } from '../support/scripted-registry.js';

const SEEDS = 150;
const STEPS = 150;
/** In revisions; more than are written before a confirmation notices. */
const BACKUP_AGE = 1_000n;

/** Sends what is due, in batches, fragments and duplicates, and sometimes dies on the way. */
function deliver(
  registry: ScriptedRegistry,
  watch: ScriptedWatch,
  sent: Map<ScriptedWatch, bigint>,
  random: Random,
): void {
  const chance = (share: number): boolean => random() < share;
  const due = registry.since(sent.get(watch) ?? watch.from);
  for (let at = 0; at < due.length && watch.open; ) {
    const batch = due.slice(at, at + 1 + randomBelow(random, 5));
    at += batch.length;
    if (chance(0.05)) return watch.fail();
    if (chance(0.2) && batch.length > 1) {
      watch.events(batch.slice(0, 1), { fragment: true });
      if (chance(0.1)) return watch.fail();
      watch.events(batch.slice(1));
    } else {
      watch.events(batch, { revision: registry.revision });
    }
    if (chance(0.2)) watch.events(batch);
    const last = batch.at(-1);
    if (last !== undefined) sent.set(watch, revisionOf(last) + 1n);
  }
}

/** One random thing that happens to a registry. */
function disturb(registry: ScriptedRegistry, random: Random): void {
  const key = `key-${randomBelow(random, 12)}`;
  const dice = random();
  if (dice < 0.5) registry.put(key, String(randomBelow(random, 100)));
  else if (dice < 0.75) registry.delete(key);
  else if (dice < 0.8) registry.compact();
  else if (dice < 0.82) registry.restore(registry.revision - BACKUP_AGE, registry.truth);
  else if (dice < 0.84) registry.clusterId = `cluster-${randomBelow(random, 1_000)}`;
  else if (dice < 0.87) registry.listError = new RegistryError('broken', 'list refused');
  else if (dice < 0.9) registry.confirmError = new RegistryError('broken', 'confirm refused');
  else {
    registry.listError = undefined;
    registry.confirmError = undefined;
  }
}

async function simulate(seed: number): Promise<{ view: object; truth: object; drift: number }> {
  const random = seededRandom(seed);
  const registry = new ScriptedRegistry(['m0', 'm1', 'm2']);
  registry.revision = 1_000_000n;
  registry.pageSize = 5;
  registry.answersProgress = false;
  const clock = new ManualClock();
  const view = new Map<string, string>();
  const ignore = (): void => {};
  const reflector = new Reflector({
    client: registry,
    clock,
    random,
    listener: {
      changes(changes) {
        for (const change of changes) {
          if (change.type === 'put') view.set(change.entry.key, change.entry.value);
          else view.delete(change.key);
        }
      },
      connected: ignore,
      disconnected: ignore,
      relisted: ignore,
      drift: ignore,
      fault: ignore,
    },
  });
  const sent = new Map<ScriptedWatch, bigint>();
  const pump = (watch: ScriptedWatch | undefined): void => {
    if (watch?.open !== true) return;
    if (!sent.has(watch)) watch.created();
    deliver(registry, watch, sent, random);
    watch.send({ kind: 'progress' });
  };
  reflector.start();
  for (let step = 0; step < STEPS; step++) {
    disturb(registry, random);
    await clock.advance(randomBelow(random, 400));
    pump(registry.watches.at(-1));
  }
  registry.listError = undefined;
  registry.confirmError = undefined;
  for (let step = 0; step < 100; step++) {
    await clock.advance(200);
    pump(registry.watches.at(-1));
  }
  const { drift } = reflector.state();
  await reflector.close();
  return { view: Object.fromEntries([...view].sort()), truth: sorted(registry.truth), drift };
}

function sorted(record: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(record).sort());
}

test('after any run of faults the view becomes the truth again, without an audit having to help', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { view, truth, drift } = await simulate(seed);
    assert.deepEqual(view, truth, `seed ${seed}`);
    assert.equal(drift, 0, `seed ${seed}`);
  }
});
