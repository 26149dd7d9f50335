import { setTimeout as sleep } from 'node:timers/promises';
import type { TortureCase } from './case.js';
import type { Ledger } from './ledger.js';

const HUNG_MS = 4_000;
const RECOVERED_MS = 5_000;
/** etcd sends a catch-up in batches of 1,000 revisions. */
const LONG_BACKLOG = 3_000;
/** More than one batch. */
const LEAST_BACKLOG = 1_500;
/** After 5 s away the gateway lists, and rightly so: then there is no catch-up. A busy machine writes fewer by then. */
const AWAY_AT_MOST_MS = 4_000;
const AT_A_TIME = 50;
const CUTS = 3;
const SLOW_MS = 300;

/** What the network does to a stream. Every registry that is spoken to over one must withstand it. */
export const streamCases: readonly TortureCase[] = [
  {
    name: 'half-open',
    what: 'the connection stands, and carries nothing',
    registries: ['etcd', 'embedded'],
    async run(stage) {
      const link = stage.linkInUse;
      const silentAt = performance.now();
      link.swallow();
      // With one member there is nowhere to go: the way must be mended for the view to be right again.
      if (stage.links.length === 1) {
        await stage.until('noticed', () => !stage.source.view().connected);
        link.mend();
      }
      await stage.ledger.register(10);
      await stage.viewRight('while it is silent', HUNG_MS, silentAt);
      link.mend();
    },
  },
  {
    name: 'cut-before-backlog',
    what: 'each new stream is cut between its created reply and the events that it missed',
    registries: ['etcd', 'embedded'],
    async run(stage) {
      await stage.disconnect();
      const keys = await stage.ledger.register(30);
      await stage.ledger.unregister(keys.slice(0, 5));
      for (const link of stage.links) link.endAfterCreated(1);
      const backAt = performance.now();
      stage.reconnect();
      await stage.viewRight('after the cuts', RECOVERED_MS, backAt);
      const cuts = stage.links.reduce((sum, { ended }) => sum + ended, 0);
      if (cuts !== stage.links.length) throw new Error(`${cuts} streams were cut, not ${stage.links.length}`);
    },
  },
  {
    name: 'cut-in-catch-up',
    what: `a catch-up of up to ${LONG_BACKLOG.toLocaleString('en')} revisions is cut in its middle, up to ${CUTS} times`,
    registries: ['etcd', 'embedded'],
    async run(stage) {
      await stage.disconnect();
      await registerBacklog(stage.ledger);
      // A little over one batch, so that the next one is cut.
      for (let cut = 0; cut < CUTS; cut++) stage.links[cut % stage.links.length]?.endAfterBytes(90_000);
      stage.reconnect();
      // Each cut is met with a longer wait, so what counts is the time from the last one.
      const lastCutAt = (): number => Math.max(...stage.links.map((link) => link.lastEndedAt));
      await stage.viewRight('after the cuts', RECOVERED_MS, lastCutAt);
      const cuts = stage.links.reduce((sum, { ended }) => sum + ended, 0);
      if (cuts === 0) throw new Error('no stream was cut');
      if (stage.relists.length > 1) throw new Error('it was listed, not caught up');
    },
  },
  {
    name: 'compacted',
    what: 'the history that we missed is compacted away',
    registries: ['etcd', 'embedded'],
    async run(stage) {
      await stage.disconnect();
      const keys = await stage.ledger.register(20);
      await stage.ledger.unregister(keys.slice(0, 5));
      await stage.ledger.compact();
      await stage.ledger.register(5);
      const backAt = performance.now();
      stage.reconnect();
      await stage.viewRight('after the compaction', RECOVERED_MS, backAt);
      if (stage.relists.at(-1) !== 'compacted') throw new Error('there was no compaction to recover from');
    },
  },
  {
    name: 'slow',
    what: `the way to every member takes ${SLOW_MS} ms, and as long back`,
    registries: ['etcd', 'embedded'],
    async run(stage) {
      for (const link of stage.links) link.delay(SLOW_MS);
      const broken = stage.events.length;
      await stage.ledger.register(20);
      await stage.viewRight('while it is slow', RECOVERED_MS);
      // As long as the confirmations and the tests for silence need to have their say.
      await sleep(6_000);
      await stage.ledger.register(5);
      await stage.viewRight('and on', RECOVERED_MS);
      const losses = stage.events.slice(broken).filter(({ kind }) => kind === 'disconnected');
      if (losses.length > 0) throw new Error(`given up for being slow: ${losses[0]?.detail}`);
    },
  },
];

async function registerBacklog(ledger: Ledger): Promise<void> {
  const startedAt = performance.now();
  let written = 0;
  while (written < LONG_BACKLOG && performance.now() - startedAt < AWAY_AT_MOST_MS) {
    await ledger.register(AT_A_TIME);
    written += AT_A_TIME;
  }
  if (written < LEAST_BACKLOG)
    throw new Error(`this machine is too busy: ${written} writes in ${AWAY_AT_MOST_MS} ms`);
}
