import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { EtcdMembers } from '../src/etcd/members.js';
import { loadAverage, machine } from './results.js';
import { SteadyClient } from './scale-client.js';
import { type ScaleGateway, startGateway, yieldToOthers } from './scale-gateway.js';
import { type LargeRepeat, type ScaleRun, saveScaleRun, scaleBars } from './scale-results.js';
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

const PUTS_PER_TXN = 100;
const SERVICES = 1000;
const ENDPOINTS = 10_000;
const CHANGES = 5000;
const CALM_MS = 2000;

type Entry = readonly [key: string, value: string];

function filler(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}:8080`;
}

function serviceOf(index: number, services: number): string {
  return `service-${index % services}`;
}

/** Of two services that answer, one at an address that says something else, and of others that are only registered. */
function registrations({ endpoints }: Stage, prefix: string, services: number, count: number): Entry[] {
  const rest = Array.from({ length: count - 2 }, (_, index): Entry => {
    return [`${prefix}/${serviceOf(index, services - 2)}/host-${index}`, filler(index)];
  });
  return [
    [`${prefix}/answering/host`, endpoints.fast[0] ?? ''],
    [`${prefix}/last/host`, endpoints.websocket],
    ...rest,
  ];
}

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
    const prefix = await this.#register(12, 100);
    const times: number[] = [];
    for (let start = 0; start < count; start += 1) {
      const gateway = await startGateway(this.#stage, prefix, values.main);
      times.push(gateway.readyMs);
      await gateway.stop();
    }
    return times;
  }

  async large(): Promise<LargeRepeat> {
    const prefix = await this.#register(SERVICES, ENDPOINTS);
    const gateway = await startGateway(this.#stage, prefix, values.main);
    try {
      const { readyMs, rssMib, url } = gateway;
      const { status } = await fetch(`${url}/answering/`);
      return { readyMs, routable: status === 200, rssMib, ...(await this.#burst(gateway, prefix)) };
    } finally {
      await gateway.stop();
    }
  }

  close(): void {
    this.#members.close();
  }

  async #burst(
    { url }: ScaleGateway,
    prefix: string,
  ): Promise<Omit<LargeRepeat, 'readyMs' | 'routable' | 'rssMib'>> {
    await this.#client.start(`${url}/answering/`);
    await pause(CALM_MS);
    const calm = await this.#client.stop();
    await this.#client.start(`${url}/answering/`);
    const changes = Array.from({ length: CHANGES - 1 }, (_, index): Entry => {
      return [`${prefix}/${serviceOf(index, SERVICES - 2)}/burst-${index}`, filler(ENDPOINTS + index)];
    });
    const sentAt = performance.now();
    await this.#put([...changes, [`${prefix}/last/host`, this.#stage.endpoints.fast[0] ?? '']]);
    const acknowledgedMs = performance.now() - sentAt;
    const wanted = await (await fetch(`${url}/answering/`)).text();
    while ((await (await fetch(`${url}/last/`)).text()) !== wanted) await pause(5);
    const appliedMs = performance.now() - sentAt;
    return { appliedMs, acknowledgedMs, calm, during: await this.#client.stop() };
  }

  /** Below a prefix of its own, which it returns. */
  async #register(services: number, count: number): Promise<string> {
    const prefix = `/scale-${this.#prefixes++}`;
    await this.#put(registrations(this.#stage, prefix, services, count));
    return prefix;
  }

  /** A hundred in each transaction; resolves when the last has been acknowledged. */
  async #put(entries: readonly Entry[]): Promise<void> {
    for (let from = 0; from < entries.length; from += PUTS_PER_TXN) {
      const success = entries.slice(from, from + PUTS_PER_TXN).map(([key, value]) => ({
        request_put: { key: Buffer.from(key), value: Buffer.from(value) },
      }));
      await this.#members.current().txn({ success });
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
