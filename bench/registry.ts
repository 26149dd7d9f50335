import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { EtcdMembers } from '../src/etcd/members.js';
import { startEtcd } from '../test/support/etcd-server.js';
import { pin } from './cores.js';

/** A real etcd, in which the endpoints are registered. */
export interface BenchRegistry {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly version: string;
  readonly pid: number;
  /** Registers endpoints of `service` below a prefix of its own, which it returns. */
  register(service: string, addresses: readonly string[]): Promise<string>;
  /** Makes the endpoints at `addresses` come and go below `prefix`, until the function returned is called. */
  churn(
    prefix: string,
    service: string,
    addresses: readonly string[],
    perSecond: number,
  ): () => Promise<number>;
  close(): Promise<void>;
}

const CHURN_STEP_MS = 10;

/** Starts etcd on the given cores. */
export async function openRegistry(cores: string): Promise<BenchRegistry> {
  const etcd = await startEtcd('3.5');
  pin(etcd.pid, cores);
  const members = new EtcdMembers({ endpoints: [etcd.endpoint], clock: systemClock, random: systemRandom });
  let prefixes = 0;
  return {
    url: etcd.endpoint,
    version: etcd.version,
    pid: etcd.pid,
    async register(service, addresses) {
      const prefix = `/bench-${prefixes++}`;
      for (const [index, address] of addresses.entries()) {
        await members.current().put(`${prefix}/${service}/host-${index}`, address);
      }
      return prefix;
    },
    churn(prefix, service, addresses, perSecond) {
      const startedAt = performance.now();
      let changes = 0;
      let last: Promise<unknown> = Promise.resolve();
      const change = async (): Promise<void> => {
        const round = Math.floor(changes / addresses.length);
        const index = changes % addresses.length;
        const key = `${prefix}/${service}/coming-and-going-${index}`;
        changes += 1;
        if (round % 2 === 0) await members.current().put(key, addresses[index] ?? '');
        else await members.current().deleteRange(key);
      };
      const timer = setInterval(() => {
        // A timer that fires late must not make fewer changes.
        const due = ((performance.now() - startedAt) / 1000) * perSecond;
        while (changes < due) last = Promise.all([last, change()]);
      }, CHURN_STEP_MS);
      return async () => {
        clearInterval(timer);
        await last;
        return changes;
      };
    },
    async close() {
      members.close();
      await etcd.stop();
    },
  };
}
