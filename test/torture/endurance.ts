import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import { createEtcdSource } from '../../src/discovery/etcd/source.js';
import type { Source } from '../../src/discovery/source.js';
import type { TortureCase } from './case.js';
import { PREFIX } from './registry.js';
import type { Stage } from './stage.js';

const WARM_UP_ROUNDS = 50;
const ROUNDS = 200;
/** How many times as fast as real time the source under test waits. */
const HASTE = 20;
const GROWTH_ALLOWED_BYTES = 1_500_000;

/** Waits are shorter, so that hundreds of reconnects do not take the back-off between them. */
const hastyClock: Clock = {
  now: systemClock.now,
  monotonic: () => systemClock.monotonic() * HASTE,
  after: (delayMs, task) => systemClock.after(delayMs / HASTE, task),
};

interface Footprint {
  readonly heapBytes: number;
  /** What keeps the event loop busy, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Whatever a reconnect leaves behind shows after enough of them. */
export const endurance: TortureCase = {
  name: 'reconnects',
  what: `${ROUNDS} reconnects, after which no more is held than before`,
  registries: ['etcd', 'embedded'],
  async run(stage) {
    // The requests' own sockets and buffers would blur the picture.
    await stage.until('requests answered', () => stage.load.answered > 50);
    await stage.load.stop();
    const source = hastySource(stage);
    source.start();
    try {
      await reconnect(stage, source, WARM_UP_ROUNDS);
      const before = footprint();
      await reconnect(stage, source, ROUNDS);
      compare(before, footprint());
    } finally {
      await source.close();
    }
    await stage.viewRight('after all of them', 5_000);
  },
};

function hastySource(stage: Stage): Source {
  return createEtcdSource({
    name: 'hasty',
    endpoints: stage.links.map(({ endpoint }) => endpoint),
    prefix: PREFIX,
    schema: 'plain',
    clock: hastyClock,
    random: systemRandom,
    announce: () => {},
  });
}

async function reconnect(stage: Stage, source: Source, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const link of stage.links) link.cut();
    await stage.until('cut', () => !source.view().connected);
    stage.reconnect();
    await stage.until('connected again', () => source.view().connected);
  }
}

function footprint(): Footprint {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') for (let times = 0; times < 3; times++) collect();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { heapBytes: process.memoryUsage().heapUsed, resources };
}

/** Throws for what has grown. A few timers and sockets come and go with the moment of looking. */
function compare(before: Footprint, after: Footprint): void {
  const grown = after.heapBytes - before.heapBytes;
  if (grown > GROWTH_ALLOWED_BYTES) throw new Error(`the heap grew by ${(grown / 1e6).toFixed(1)} MB`);
  for (const [kind, count] of Object.entries(after.resources)) {
    const had = before.resources[kind] ?? 0;
    if (count > had + 10) throw new Error(`${kind}: ${had} before, ${count} after`);
  }
}
