import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Random, randomBelow, seededRandom } from '../../src/core/random.js';
import { wreakHavoc } from './faults.js';
import { Fleet } from './fleet.js';
import { account, type Ledger, type LoggedFailure } from './ledger.js';
import { Load } from './load.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** On a machine that is busy with other tests. */
const START_PATIENCE_MS = 60_000;
const FIRST_SIZE = 4;
/**
 * The gateway retries a fifth of a service's recent requests. One that has hardly had any may retry three at
 * a time, and an endpoint that resets at once breaks more than those of a full load: the rest fail rightly.
 */
const ANSWERED_BEFORE_HAVOC = 500;

export interface ChaosOptions {
  readonly seconds: number;
  /** Decides what is done when; how processes are scheduled meanwhile it cannot. */
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface ChaosResult {
  readonly ledger: Ledger;
  /** How often each thing was done. */
  readonly done: Readonly<Record<string, number>>;
}

/** A gateway process under load while its endpoints, processes too, are broken in every way. */
export async function runChaos({ seconds, seed, say }: ChaosOptions): Promise<ChaosResult> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-chaos-'));
  const random = seededRandom(seed);
  const gateway = await ChaosGateway.start(folder, random);
  const fleet = new Fleet(gateway.registry, folder);
  try {
    for (let count = 0; count < FIRST_SIZE; count += 1) fleet.start();
    await gateway.untilListed(FIRST_SIZE);
    const load = new Load(gateway.url, seededRandom(seed + 1));
    await load.untilAnswered(ANSWERED_BEFORE_HAVOC, AbortSignal.timeout(START_PATIENCE_MS));
    const reload = (): Promise<void> => gateway.reconfigure();
    const done = await wreakHavoc({ fleet, random, reload, say }, AbortSignal.timeout(seconds * 1_000));
    await load.stop();
    return { ledger: account(load.asked, fleet, await gateway.stop()), done };
  } finally {
    await fleet.destroy();
    await gateway.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

const BALANCE = ['least-loaded', 'peak-ewma', 'consistent-hash', 'round-robin', 'random'];
const CHECKS = ['{ type: none }', '{ type: http, interval: 500ms }', '{ type: tcp, interval: 500ms }'];

/** A valid configuration, or now and then one that must be refused. */
function configuration(random: Random): string {
  const one = (values: readonly string[]): string => values[randomBelow(random, values.length)] ?? '';
  if (random() < 0.2) return 'routes: [ this is no configuration';
  return [
    'listen: 127.0.0.1:0',
    'admin: 127.0.0.1:0',
    'accessLog: errors',
    'drainDelay: 0s',
    'registry: { type: embedded, listen: "127.0.0.1:0" }',
    'routes:',
    '  - { prefix: /chaos, service: chaos, tryTimeout: 2s, totalTimeout: 10s }',
    `  - { prefix: /other${randomBelow(random, 100)}, service: other }`,
    'services:',
    '  chaos:',
    `    balance: ${one(BALANCE)}`,
    '    hashOn: header:x-session',
    '    ejection: { baseTime: 2s }',
    `    healthCheck: ${one(CHECKS)}`,
    `    slowStart: ${one(['0', '1s'])}`,
    '',
  ].join('\n');
}

/** `watchgate start` with the embedded registry, and what it logs of failures. */
class ChaosGateway {
  readonly #child: ChildProcess;
  readonly #file: string;
  readonly #random: Random;
  readonly #failures: LoggedFailure[] = [];
  #text = '';

  private constructor(child: ChildProcess, file: string, random: Random) {
    this.#child = child;
    this.#file = file;
    this.#random = random;
    if (child.stdout === null) throw new Error('standard output is not piped');
    createInterface(child.stdout).on('line', (line) => this.#read(line));
  }

  static async start(folder: string, random: Random): Promise<ChaosGateway> {
    const file = join(folder, 'routes.yaml');
    // The first one must be valid.
    await writeFile(
      file,
      configuration(() => 0.5),
    );
    const child = spawn(process.execPath, [MAIN, 'start', '-c', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gateway = new ChaosGateway(child, file, random);
    await gateway.#until(() => gateway.#match(/admin on /) !== '' && gateway.#match(/"endpoint":"/) !== '');
    return gateway;
  }

  get url(): string {
    return this.#match(/listening on (\S+),/);
  }

  get registry(): string {
    return `etcd://${this.#match(/"endpoint":"http:\/\/([^"]+)"/)}`;
  }

  /** Resolves when so many endpoints take requests. */
  async untilListed(count: number): Promise<void> {
    const admin = this.#match(/admin on (\S+)/);
    const listed = async (): Promise<boolean> => {
      const response = await fetch(`${admin}/api/services/chaos`);
      const { endpoints = [] } = (await response.json()) as { endpoints?: readonly unknown[] };
      return endpoints.length >= count;
    };
    await this.#until(listed);
  }

  /** Half of the time it is left to find the new file, else told to. */
  async reconfigure(): Promise<void> {
    const tell = this.#random() < 0.5;
    await writeFile(this.#file, configuration(this.#random));
    if (tell) this.#child.kill('SIGHUP');
  }

  /** Ends it, when nothing is in flight any more; resolves to the failures that it logged. */
  async stop(): Promise<readonly LoggedFailure[]> {
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    return this.#failures;
  }

  async destroy(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }

  #read(line: string): void {
    if (!line.includes('"trace_id"')) {
      this.#text += `${line}\n`;
      return;
    }
    const { path, endpoint, code } = JSON.parse(line) as { path: string } & Omit<LoggedFailure, 'id'>;
    this.#failures.push({ id: path.split('/').at(-1) ?? '', endpoint, code });
  }

  #match(pattern: RegExp): string {
    const found = pattern.exec(this.#text);
    return found?.[1] ?? found?.[0] ?? '';
  }

  async #until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const patience = AbortSignal.timeout(START_PATIENCE_MS);
    while (!(await holds())) {
      if (patience.aborted || this.#child.exitCode !== null) throw new Error(`not ready: ${this.#text}`);
      await pause(50);
    }
  }
}
