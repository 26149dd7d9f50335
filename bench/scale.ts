import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { EtcdMembers } from '../src/etcd/members.js';
import { loadAverage, machine } from './results.js';
import { SteadyClient } from './scale-client.js';
import { startGateway, yieldToOthers } from './scale-gateway.js';
import {
  type Change,
  LARGE,
  newcomers,
  put,
  type RegistrySize,
  registrations,
  remove,
} from './scale-registry.js';
import { type Burst, type LargeRepeat, type ScaleRun, saveScaleRun, scaleBars } from './scale-results.js';
import { scaleTable } from './scale-table.js';
import { openStage, type Stage } from './stage.js';
import { plainTable } from './table.js';

/**
 * `npm run bench:scale`: what a gateway costs to start, how much a large registry takes, and what a burst of changes
 * does to requests. Options: --repeats N, --starts N, --main FILE (of another build), --no-save.
 */
const { values } = parseArgs({
  allowNegative: true,
  options: {
    repeats: { type: 'string', default: '5' },
    starts: { type: 'string', default: '9' },
    main: { type: 'string' },
    save: { type: 'boolean', default: true },
  },
});

const CHANGES_PER_TXN = 100;
const START = { services: 12, endpoints: 100 };
const CALM_MS = 2000;
/** After a start and after a burst V8 still compiles and collects; that is no calm to compare with. */
const SETTLE_MS = 3000;
/** Until the last of those that were lost has been probed. */
const PROBED_MS = 7000;

class Scale {
  readonly #stage: Stage;
  readonly #client: SteadyClient;
  readonly #members: EtcdMembers;
  #prefixes = 0;

  constructor(stage: Stage, client: SteadyClient) {
    this.#stage = stage;
    this.#client = client;
    const common = { clock: systemClock, random: systemRandom };
    this.#members = new EtcdMembers({ endpoints: [stage.registry.url], ...common });
  }

  async starts(count: number): Promise<number[]> {
    const prefix = await this.#register(START);
    const times: number[] = [];
    for (let start = 0; start < count; start += 1) {
      const gateway = await startGateway(this.#stage, prefix, values.main);
      times.push(gateway.readyMs);
      await gateway.stop();
    }
    return times;
  }

  async large(): Promise<LargeRepeat> {
    const prefix = await this.#register(LARGE);
    const gateway = await startGateway(this.#stage, prefix, values.main);
    try {
      const { readyMs, rssMib, url } = gateway;
      const { status } = await fetch(`${url}/answering/`);
      const [before = '', after = ''] = [this.#stage.endpoints.websocket, this.#stage.endpoints.fast[0]];
      const { keys, joining } = newcomers(prefix);
      return {
        readyMs,
        routable: status === 200,
        rssMib,
        joining: await this.#burst(url, [...joining, put(`${prefix}/last/host`, after)]),
        leaving: await this.#burst(url, [...keys.map(remove), put(`${prefix}/last/host`, before)]),
        again: await this.#burst(url, [...joining, put(`${prefix}/last/host`, after)], PROBED_MS),
      };
    } finally {
      await gateway.stop();
    }
  }

  close(): void {
    this.#members.close();
  }

  /** Applied when the service `last` answers something else than before. `settleMs`: what goes on before must be over. */
  async #burst(url: string, changes: readonly Change[], settleMs = SETTLE_MS): Promise<Burst> {
    await this.#client.start(`${url}/answering/`);
    await pause(settleMs);
    await this.#client.stop();
    await this.#client.start(`${url}/answering/`);
    await pause(CALM_MS);
    const calm = await this.#client.stop();
    await this.#client.start(`${url}/answering/`);
    const answer = async (): Promise<string> => (await fetch(`${url}/last/`)).text();
    const before = await answer();
    const sentAt = performance.now();
    await this.#write(changes);
    const acknowledgedMs = performance.now() - sentAt;
    while ((await answer()) === before) await pause(5);
    const appliedMs = performance.now() - sentAt;
    return { appliedMs, acknowledgedMs, calm, during: await this.#client.stop() };
  }

  /** Below a prefix of its own, which it returns. */
  async #register(size: RegistrySize): Promise<string> {
    const prefix = `/scale-${this.#prefixes++}`;
    await this.#write(registrations(this.#stage, prefix, size));
    return prefix;
  }

  /** A hundred in each transaction; resolves when the last has been acknowledged. */
  async #write(changes: readonly Change[]): Promise<void> {
    for (let from = 0; from < changes.length; from += CHANGES_PER_TXN) {
      await this.#members.current().txn({ success: changes.slice(from, from + CHANGES_PER_TXN) });
    }
  }
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function tell(run: ScaleRun): void {
  const rows = scaleBars(run).map(({ what, bound, measured, met }) => [
    what,
    bound,
    measured,
    met ? 'yes' : 'no',
  ]);
  say(`${plainTable({ columns: ['', 'bound', 'measured', 'met'], rows })}\n\n${plainTable(scaleTable(run))}`);
}

const stage = await openStage();
const client = await SteadyClient.open();
yieldToOthers(process.pid);
yieldToOthers(stage.registry.pid);
const scale = new Scale(stage, client);
try {
  const before = { measuredAt: new Date().toISOString(), loadAverage: loadAverage() };
  const startMs = await scale.starts(Number(values.starts));
  const large: LargeRepeat[] = [];
  for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) large.push(await scale.large());
  const versions = { node: process.versions.node, etcd: stage.registry.version };
  const run: ScaleRun = { ...before, machine: machine(), versions, startMs, large };
  tell(run);
  if (values.save) say(`kept in ${saveScaleRun(run)}`);
} finally {
  scale.close();
  client.close();
  await stage.close();
}
