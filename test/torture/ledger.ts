import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import { EtcdMembers } from '../../src/etcd/members.js';
import { type Credentials, PREFIX, readAll } from './registry.js';

const PATIENCE_MS = 30_000;
const WRITES_AT_ONCE = 50;

/** Writes to the registry past every fault, and remembers what it was promised. */
export class Ledger {
  readonly #credentials: Credentials | undefined;
  /** Keys whose writing the registry acknowledged. */
  readonly #promised = new Set<string>();
  #endpoints: readonly string[] = [];
  #members: EtcdMembers | undefined;
  #written = 0;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  /** Reads and writes only through these members from now on: a hung one would hold everything up. */
  goThrough(endpoints: readonly string[]): void {
    this.close();
    this.#endpoints = endpoints;
    this.#members = new EtcdMembers({
      ...{ endpoints, ...this.#credentials },
      ...{ clock: systemClock, random: systemRandom },
    });
  }

  /** Registers `count` endpoints, one revision each, tried until the registry has acknowledged them. */
  async register(count: number): Promise<string[]> {
    const keys: string[] = [];
    for (let left = count; left > 0; left -= WRITES_AT_ONCE) {
      const batch = Array.from({ length: Math.min(left, WRITES_AT_ONCE) }, () => this.#written++);
      await Promise.all(
        batch.map((index) => {
          const key = `${PREFIX}/fleet-${index % 10}/host-${index}`;
          keys.push(key);
          return this.put(key, addressOf(index));
        }),
      );
    }
    return keys;
  }

  async put(key: string, value: string): Promise<void> {
    await this.#call((members) => members.call((member) => member.put(key, value)));
    this.#promised.add(key);
  }

  /** What comes and goes within one message need never be seen. */
  async unregister(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#promised.delete(key);
    for (const key of keys) await this.#call((members) => members.call((member) => member.deleteRange(key)));
  }

  /** Discards all history up to now. */
  async compact(): Promise<void> {
    await this.#call((members) =>
      members.call(async (member) => {
        const { header } = await member.range({ key: PREFIX });
        await member.compact(header.revision);
      }),
    );
  }

  /** Every key with its value, from the registry itself. */
  truth(): Promise<Map<string, string>> {
    return retry(() => readAll(this.#endpoints, this.#credentials));
  }

  /** What the registry forgot, by a restored backup, need not have been seen. */
  async forgive(): Promise<void> {
    const truth = await this.truth();
    for (const key of this.#promised) if (!truth.has(key)) this.#promised.delete(key);
  }

  /** Promised keys that are not among those seen. */
  missingFrom(seen: ReadonlySet<string>): string[] {
    return [...this.#promised].filter((key) => !seen.has(key));
  }

  close(): void {
    this.#members?.close();
  }

  #call<T>(call: (members: EtcdMembers) => Promise<T>): Promise<T> {
    return retry(() => {
      if (this.#members === undefined) throw new Error('no way to the registry was given');
      return call(this.#members);
    });
  }
}

/** A cluster without a leader refuses everything for a moment. */
async function retry<T>(call: () => Promise<T>): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(50);
    }
  }
}

function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}:80`;
}
