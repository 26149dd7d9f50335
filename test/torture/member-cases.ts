import type { ClusterMember } from '../support/cluster-member.js';
import type { TortureCase } from './case.js';
import type { TortureRegistry } from './registry.js';
import type { Stage } from './stage.js';

/** From the moment of the fault: nobody tells us that a member hangs. */
const HUNG_MS = 4_000;
const RECOVERED_MS = 5_000;
/** Longer than leases live, and than every back-off. */
const LONG_OUTAGE_MS = 20_000;

async function hang(stage: Stage): Promise<void> {
  const { cluster } = stage.registry;
  const member = watchedMember(stage);
  stage.ledger.goThrough(cluster.endpoints.filter((endpoint) => endpoint !== member.endpoint));
  const hungAt = performance.now();
  member.hang();
  await stage.ledger.register(10);
  await stage.viewRight('while it hangs', HUNG_MS, hungAt);
  member.wake();
  await cluster.healthy();
  stage.ledger.goThrough(cluster.endpoints);
  await stage.ledger.register(10);
  await stage.viewRight('after it woke', RECOVERED_MS);
}

async function leader({ cluster }: TortureRegistry): Promise<string> {
  return (await cluster.leader()).endpoint;
}

async function follower({ cluster }: TortureRegistry): Promise<string> {
  const leader = await cluster.leader();
  const found = cluster.members.find((member) => member !== leader);
  if (found === undefined) throw new Error('the cluster has no follower');
  return found.endpoint;
}

/** The member that the gateway watches. */
function watchedMember({ registry, links, linkInUse }: Stage): ClusterMember {
  const member = registry.cluster.members[links.indexOf(linkInUse)];
  if (member === undefined) throw new Error('the gateway watches no member');
  return member;
}

/** Something is written before, so that there is something to lose, and after. */
export function outage(downMs: number): TortureCase {
  return {
    name: 'all-killed',
    what: `every member is killed and restarted after ${downMs / 1_000} s`,
    registries: ['etcd', 'embedded'],
    async run(stage) {
      await stage.crash(downMs);
      const backAt = performance.now();
      await stage.ledger.register(10);
      await stage.viewRight('after the restart', RECOVERED_MS, backAt);
    },
  };
}

/** What the processes of a registry do to whoever watches them. */
export const memberCases: readonly TortureCase[] = [
  {
    name: 'leader-hung',
    what: 'the leader, which we watch, stops without closing anything',
    registries: ['etcd'],
    watched: leader,
    run: hang,
  },
  {
    name: 'follower-hung',
    what: 'the follower that we watch stops without closing anything',
    registries: ['etcd'],
    watched: follower,
    run: hang,
  },
  {
    name: 'leader-killed',
    what: 'the leader, which we watch, is killed',
    registries: ['etcd'],
    watched: leader,
    async run(stage) {
      const { cluster } = stage.registry;
      const member = watchedMember(stage);
      stage.ledger.goThrough(cluster.endpoints.filter((endpoint) => endpoint !== member.endpoint));
      const killedAt = performance.now();
      await member.kill();
      await stage.ledger.register(10);
      await stage.viewRight('with two members', RECOVERED_MS, killedAt);
      await cluster.restart(member);
      stage.ledger.goThrough(cluster.endpoints);
      await stage.ledger.register(10);
      await stage.viewRight('with three again', RECOVERED_MS);
    },
  },
  outage(LONG_OUTAGE_MS),
  {
    name: 'member-replaced',
    what: 'a member is added, and the one that we watch is voted out',
    registries: ['etcd'],
    // Else etcd wants every member to have been up for 5 s.
    args: ['--strict-reconfig-check=false'],
    watched: follower,
    async run(stage) {
      const { cluster } = stage.registry;
      const leaving = watchedMember(stage);
      await cluster.add();
      await stage.ledger.register(10);
      await stage.viewRight('with four members', RECOVERED_MS);
      stage.ledger.goThrough(cluster.endpoints.filter((endpoint) => endpoint !== leaving.endpoint));
      const removedAt = performance.now();
      await cluster.remove(leaving);
      await stage.ledger.register(10);
      await stage.viewRight('after the removal', RECOVERED_MS, removedAt);
    },
  },
  {
    name: 'snapshot-restored',
    what: 'the data are restored from an older snapshot',
    registries: ['etcd'],
    async run(stage) {
      const { cluster } = stage.registry;
      await cluster.saveSnapshot('older');
      // Later than the snapshot, so that they are undone: these services are gone, that one is back.
      const undone = await stage.ledger.register(10);
      await stage.ledger.unregister(undone.slice(0, 5));
      await stage.viewRight('before the restore', RECOVERED_MS);
      await cluster.restoreSnapshot('older');
      const backAt = performance.now();
      await stage.ledger.forgive();
      await stage.viewRight('after the restore', RECOVERED_MS, backAt);
      await stage.ledger.register(5);
      await stage.viewRight('and on', RECOVERED_MS);
    },
  },
];
