import { parseArgs } from 'node:util';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { Directory } from '../src/discovery/directory.js';
import { createEtcdSource } from '../src/discovery/etcd/source.js';
import type { EtcdMember } from '../src/etcd/member.js';
import { EtcdMembers } from '../src/etcd/members.js';
import { type EtcdVersion, etcdVersions, startEtcd } from '../test/support/etcd-server.js';

/**
 * How long after etcd acknowledged a change it is in the endpoint set that the next pick uses.
 * Run with: node --import tsx bench/propagation.ts [--services 1000] [--endpoints 10000] [--changes 200]
 */
const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    endpoints: { type: 'string', default: '10000' },
    changes: { type: 'string', default: '200' },
  },
});
const SERVICES = Number(values.services);
const ENDPOINTS = Number(values.endpoints);
const CHANGES = Number(values.changes);
const PREFIX = '/bench';
const REQUIRED_MS = 50;
const PUTS_PER_TXN = 100;

interface Result {
  readonly etcd: string;
  readonly loadMs: number;
  /** Sorted; from the acknowledgement of the write. */
  readonly sinceCommit: readonly number[];
  /** Sorted; from the sending of the write, which bounds the other from above. */
  readonly sinceSend: readonly number[];
}

function keyOf(index: number): string {
  return `${PREFIX}/service-${index % SERVICES}/host-${index}`;
}

function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}:8080`;
}

async function fill(member: EtcdMember): Promise<void> {
  for (let from = 0; from < ENDPOINTS; from += PUTS_PER_TXN) {
    const count = Math.min(PUTS_PER_TXN, ENDPOINTS - from);
    const success = Array.from({ length: count }, (_, i) => ({
      request_put: { key: Buffer.from(keyOf(from + i)), value: Buffer.from(addressOf(from + i)) },
    }));
    await member.txn({ success });
  }
}

/** Resolves, when the service next changes, to the moment at which its new set could be used. */
function nextChange(directory: Directory, service: string): Promise<number> {
  return new Promise((resolve) => {
    let initial = true;
    const stop = directory.subscribe({ service, registry: 'main' }, () => {
      if (initial) return;
      resolve(performance.now());
      stop();
    });
    initial = false;
  });
}

async function measure(
  directory: Directory,
  member: EtcdMember,
): Promise<Pick<Result, 'sinceCommit' | 'sinceSend'>> {
  const sinceCommit: number[] = [];
  const sinceSend: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const index = ENDPOINTS + (change >> 1);
    const seen = nextChange(directory, `service-${index % SERVICES}`);
    const sent = performance.now();
    await (change % 2 === 0 ? member.put(keyOf(index), addressOf(index)) : member.deleteRange(keyOf(index)));
    const committed = performance.now();
    const usable = await seen;
    // The watch may well be ahead of the acknowledgement.
    sinceCommit.push(Math.max(0, usable - committed));
    sinceSend.push(usable - sent);
  }
  const ascending = (a: number, b: number): number => a - b;
  return { sinceCommit: sinceCommit.sort(ascending), sinceSend: sinceSend.sort(ascending) };
}

async function run(version: EtcdVersion): Promise<Result> {
  const etcd = await startEtcd(version);
  const common = { endpoints: [etcd.endpoint], clock: systemClock, random: systemRandom };
  const members = new EtcdMembers(common);
  const announce = (): void => {};
  const source = createEtcdSource({ ...common, name: 'main', prefix: PREFIX, announce });
  const directory = new Directory([source], { announce, clock: systemClock });
  try {
    await fill(members.current());
    const started = performance.now();
    directory.start();
    await new Promise<void>((resolve) => source.subscribe(() => resolve()));
    const loadMs = performance.now() - started;
    const { endpoints, services } = source.view();
    if (endpoints !== ENDPOINTS || services !== SERVICES)
      throw new Error(`loaded ${endpoints} in ${services}`);
    return { etcd: etcd.version, loadMs, ...(await measure(directory, members.current())) };
  } finally {
    await directory.close();
    members.close();
    await etcd.stop();
  }
}

const results: Result[] = [];
for (const version of etcdVersions) results.push(await run(version));

const ms = (value: number): string => value.toFixed(2).padStart(9);
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
const row = (label: string, sorted: readonly number[]): string =>
  `${label.padEnd(24)}${[0.5, 0.99, 1].map((share) => ms(at(sorted, share))).join('')}`;

const lines = [
  `${ENDPOINTS} endpoints in ${SERVICES} services, ${CHANGES} changes; milliseconds until usable`,
  `${''.padEnd(24)}      p50      p99      max`,
  ...results.flatMap(({ etcd, loadMs, sinceCommit, sinceSend }) => [
    row(`etcd ${etcd} from commit`, sinceCommit),
    row(`etcd ${etcd} from send`, sinceSend),
    `etcd ${etcd} first list took ${loadMs.toFixed(0)} ms`,
  ]),
];
process.stdout.write(`${lines.join('\n')}\n`);
if (results.some(({ sinceCommit }) => at(sinceCommit, 1) >= REQUIRED_MS)) {
  process.stdout.write(`FAILED: every change must be usable within ${REQUIRED_MS} ms\n`);
  process.exitCode = 1;
}
