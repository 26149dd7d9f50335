import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import type { Misbehaviour } from './endpoint.js';

const ENDPOINT = fileURLToPath(new URL('endpoint.ts', import.meta.url));
const REGISTRAR = new URL('../../dist/registrar/registrar.js', import.meta.url).href;
/** After a kill the registry still lists the address until its lease has ended. */
const LEASE_PATIENCE_MS = 3_000;
/** How long a misbehaviour may still matter after it has ended: the gateway has to find the endpoint well. */
const AFTERMATH_MS = 500;

/** A time in which requests in flight at an endpoint may be lost. Milliseconds, `performance.now()`. */
export interface Outage {
  readonly from: number;
  /** Undefined while it lasts. */
  until: number | undefined;
}

/** One endpoint process. */
export class ChaosEndpoint {
  readonly name: string;
  readonly ledgerFile: string;
  readonly outages: Outage[] = [];
  readonly #child: ChildProcess;
  #address: string | undefined;
  #leaving = false;
  /** Until when other endpoints must be spared. */
  #troubledUntil = 0;

  /** `program` is endpoint.ts as JavaScript. */
  constructor(name: string, program: string, registry: string, folder: string) {
    this.name = name;
    this.ledgerFile = join(folder, `${name}.ledger`);
    this.#child = fork(program, [REGISTRAR, registry, name, this.ledgerFile], { execArgv: [] });
    this.#child.once('message', (message) => {
      this.#address = (message as { address: string }).address;
    });
  }

  get address(): string | undefined {
    return this.#address;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get troubled(): boolean {
    return performance.now() < this.#troubledUntil;
  }

  /** Registered, not leaving, and in no trouble. */
  get clean(): boolean {
    return this.#address !== undefined && !this.#leaving && !this.ended && !this.troubled;
  }

  get serving(): boolean {
    return this.#address !== undefined && !this.#leaving && !this.ended;
  }

  kill(): void {
    this.#leaving = true;
    this.#trouble(LEASE_PATIENCE_MS);
    this.outages.push({ from: performance.now(), until: undefined });
    this.#child.kill('SIGKILL');
  }

  /** Stands still for a while, connections open. */
  async freeze(forMs: number): Promise<void> {
    this.#trouble(forMs);
    const outage: Outage = { from: performance.now(), until: undefined };
    this.outages.push(outage);
    this.#child.kill('SIGSTOP');
    await pause(forMs);
    this.#child.kill('SIGCONT');
    outage.until = performance.now();
  }

  async misbehave(as: Misbehaviour, forMs: number): Promise<void> {
    this.#trouble(forMs);
    this.#tell(as);
    await pause(forMs);
    this.#tell('none');
  }

  /** Leaves as a service should. */
  async leave(): Promise<void> {
    this.#leaving = true;
    this.#child.kill('SIGTERM');
    await this.gone();
  }

  async gone(): Promise<void> {
    if (!this.ended) await once(this.#child, 'exit');
  }

  /** Ends it, in whatever state it is. */
  async destroy(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.gone();
  }

  /** What it executed: id and how it then behaved, in order. */
  executed(): [id: string, as: Misbehaviour][] {
    const lines = readFileSync(this.ledgerFile, { encoding: 'utf8', flag: 'a+' }).split('\n');
    return lines.filter(Boolean).map((line) => line.split(' ') as [string, Misbehaviour]);
  }

  #tell(as: Misbehaviour): void {
    if (this.#child.connected) this.#child.send(as, () => undefined);
  }

  #trouble(forMs: number): void {
    this.#troubledUntil = performance.now() + forMs + AFTERMATH_MS;
  }
}

/** All endpoints that there have been. */
export class Fleet {
  readonly #program: string;
  readonly #registry: string;
  readonly #folder: string;
  readonly all: ChaosEndpoint[] = [];

  constructor(registry: string, folder: string) {
    this.#registry = registry;
    this.#folder = folder;
    // Once, not by each of them: they start while the gateway is under load.
    this.#program = join(folder, 'endpoint.mjs');
    const { code } = transformSync(readFileSync(ENDPOINT, 'utf8'), { loader: 'ts' });
    writeFileSync(this.#program, code);
  }

  start(): ChaosEndpoint {
    const endpoint = new ChaosEndpoint(
      `e${this.all.length + 1}`,
      this.#program,
      this.#registry,
      this.#folder,
    );
    this.all.push(endpoint);
    return endpoint;
  }

  /** Starting ones count: they will serve. */
  get wanted(): ChaosEndpoint[] {
    return this.all.filter(
      (endpoint) => !endpoint.ended && (endpoint.serving || endpoint.address === undefined),
    );
  }

  get clean(): ChaosEndpoint[] {
    return this.all.filter((endpoint) => endpoint.clean);
  }

  get troubled(): number {
    return this.all.filter((endpoint) => endpoint.troubled).length;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.all.map((endpoint) => endpoint.destroy()));
  }
}
