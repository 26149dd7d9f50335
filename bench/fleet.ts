import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { createEtcdSource } from '../src/discovery/etcd/source.js';
import type { Source } from '../src/discovery/source.js';
import { EtcdMembers } from '../src/etcd/members.js';
import type { ClusterMember } from '../test/support/cluster-member.js';
import { type EtcdCluster, startEtcdCluster } from '../test/support/etcd-cluster.js';

/**
 * What a fleet of gateways costs a cluster of three members with passwords, as etcd's own metrics count it.
 * Run with: node --import tsx bench/fleet.ts [--sources 1,100] [--seconds 15] [--bcrypt-cost 10]
 */
const { values } = parseArgs({
  options: {
    sources: { type: 'string', default: '1,100' },
    seconds: { type: 'string', default: '15' },
    'bcrypt-cost': { type: 'string', default: '10' },
  },
});
const FLEETS = values.sources.split(',').map(Number);
const SECONDS = Number(values.seconds);

const PREFIX = '/fleet';
const SERVICES = 100;
const ENDPOINTS = 1_000;
const CHANGES_PER_SECOND = 10;
const ROOT = { username: 'root', password: 'secret' };

/** What is counted, and the series of etcd's that hold it. */
const COUNTERS = {
  'Range calls': /^grpc_server_handled_total\{.*grpc_method="Range"/,
  'watch streams opened': /^grpc_server_started_total\{grpc_method="Watch",grpc_service="etcdserverpb/,
  'messages to watches': /^grpc_server_msg_received_total\{grpc_method="Watch",grpc_service="etcdserverpb/,
  'messages from watches': /^grpc_server_msg_sent_total\{grpc_method="Watch",grpc_service="etcdserverpb/,
  authentications: /^grpc_server_handled_total\{.*grpc_method="Authenticate"/,
  'CPU seconds': /^process_cpu_seconds_total/,
} as const;
type Counter = keyof typeof COUNTERS;
type Counts = Readonly<Record<Counter, number>>;
const NAMES = Object.keys(COUNTERS).filter((name): name is Counter => name in COUNTERS);

interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Over the whole of it. */
  readonly counts: Counts;
  /** In its busiest second. */
  readonly most: Counts;
}

async function readCounts(member: ClusterMember): Promise<Counts | undefined> {
  try {
    const answer = await fetch(`${member.endpoint}/metrics`, { signal: AbortSignal.timeout(1_000) });
    const lines = (await answer.text()).split('\n');
    const sum = (name: Counter): number =>
      lines
        .filter((line) => COUNTERS[name].test(line))
        .reduce((all, line) => all + Number(line.split(' ').at(-1)), 0);
    return mapCounts(sum);
  } catch {
    return undefined;
  }
}

function mapCounts(value: (name: Counter) => number): Counts {
  return {
    'Range calls': value('Range calls'),
    'watch streams opened': value('watch streams opened'),
    'messages to watches': value('messages to watches'),
    'messages from watches': value('messages from watches'),
    authentications: value('authentications'),
    'CPU seconds': value('CPU seconds'),
  };
}

const NOTHING = mapCounts(() => 0);

/** Adds up what the members count, across their restarts, which begin at nothing. */
class Meter {
  readonly #cluster: EtcdCluster;
  readonly #before = new Map<string, Counts>();

  constructor(cluster: EtcdCluster) {
    this.#cluster = cluster;
  }

  /** Since the last call. */
  async read(): Promise<Counts> {
    let all = NOTHING;
    for (const member of this.#cluster.members) {
      const now = await readCounts(member);
      const before = this.#before.get(member.name) ?? NOTHING;
      if (now === undefined) continue;
      const restarted = now['CPU seconds'] < before['CPU seconds'];
      const soFar = all;
      all = mapCounts((name) => soFar[name] + now[name] - (restarted ? 0 : before[name]));
      this.#before.set(member.name, now);
    }
    return all;
  }
}

async function measure(
  meter: Meter,
  name: string,
  seconds: number,
  work: () => Promise<void>,
): Promise<Phase> {
  await meter.read();
  const working = work();
  let counts = NOTHING;
  let most = NOTHING;
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000);
    const now = await meter.read();
    const [soFar, mostSoFar] = [counts, most];
    counts = mapCounts((counter) => soFar[counter] + now[counter]);
    most = mapCounts((counter) => Math.max(mostSoFar[counter], now[counter]));
  }
  await working;
  return { name, seconds, counts, most };
}

async function prepare(cluster: EtcdCluster, writer: EtcdMembers): Promise<void> {
  const puts = Array.from({ length: ENDPOINTS }, (_, index) => ({
    request_put: { key: keyOf(index), value: Buffer.from(`10.0.${index >> 8}.${index & 255}:80`) },
  }));
  for (let at = 0; at < puts.length; at += 100) {
    await writer.call((member) => member.txn({ success: puts.slice(at, at + 100) }));
  }
  await cluster.ctl(['user', 'add', `${ROOT.username}:${ROOT.password}`]);
  await cluster.ctl(['user', 'grant-role', 'root', 'root']);
  await cluster.ctl(['auth', 'enable']);
}

function keyOf(index: number): Buffer {
  return Buffer.from(`${PREFIX}/service-${index % SERVICES}/host-${index}`);
}

function makeSource(endpoints: readonly string[]): Source {
  const tools = { clock: systemClock, random: systemRandom, announce: () => {} };
  return createEtcdSource({ name: 'main', endpoints, prefix: PREFIX, schema: 'plain', ...ROOT, ...tools });
}

async function until(holds: () => boolean): Promise<void> {
  const patience = AbortSignal.timeout(180_000);
  while (!holds()) {
    if (patience.aborted) throw new Error('the fleet did not become connected within 3 minutes');
    await sleep(50);
  }
}

async function change(writer: EtcdMembers): Promise<void> {
  for (let count = 0; count < SECONDS * CHANGES_PER_SECOND; count++) {
    const pause = sleep(1_000 / CHANGES_PER_SECOND);
    const key = keyOf(count % ENDPOINTS).toString();
    await writer.call((member) => member.put(key, `10.1.0.${count % 256}:80`));
    await pause;
  }
}

async function tell(cluster: EtcdCluster, fleet: readonly Source[], writer: EtcdMembers): Promise<void> {
  const meter = new Meter(cluster);
  const connected = (): boolean => fleet.every((source) => source.view().connected);
  const phase = async (name: string, work: () => Promise<void>): Promise<void> => {
    say(row(await measure(meter, name, SECONDS, work)));
  };
  await phase('start', async () => {
    for (const source of fleet) source.start();
    await until(connected);
  });
  await phase('idle', async () => {});
  await phase(`${CHANGES_PER_SECOND} changes a second`, () => change(writer));
  const [lost, alsoLost] = cluster.members;
  if (lost === undefined || alsoLost === undefined) throw new Error('too few members');
  await phase('one member lost', () => lost.kill());
  await phase('the majority lost', () => alsoLost.kill());
  await phase('recovery', async () => {
    await Promise.all([cluster.restart(lost), cluster.restart(alsoLost)]);
    await until(connected);
  });
}

async function run(size: number): Promise<void> {
  const cluster = await startEtcdCluster({ args: [`--bcrypt-cost=${values['bcrypt-cost']}`] });
  const common = { endpoints: cluster.endpoints, clock: systemClock, random: systemRandom };
  const fleet = Array.from({ length: size }, () => makeSource(cluster.endpoints));
  const preparing = new EtcdMembers(common);
  const writer = new EtcdMembers({ ...common, ...ROOT });
  try {
    await prepare(cluster, preparing);
    await tell(cluster, fleet, writer);
  } finally {
    await Promise.all(fleet.map((source) => source.close()));
    preparing.close();
    writer.close();
    await cluster.stop();
  }
}

function headLines(size: number): string[] {
  return [
    '',
    `${size} source${size === 1 ? '' : 's'}: per second over ${SECONDS} s (in the busiest second)`,
    '',
    `| | ${NAMES.join(' | ')} |`,
    `|---|${NAMES.map(() => '---:|').join('')}`,
  ];
}

function row(phase: Phase): string {
  const rate = (value: number): string => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));
  const cell = (name: Counter): string =>
    `${rate(phase.counts[name] / phase.seconds)} (${rate(phase.most[name])})`;
  return `| ${phase.name} | ${NAMES.map(cell).join(' | ')} |`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

for (const size of FLEETS) {
  for (const line of headLines(size)) say(line);
  await run(size);
}
