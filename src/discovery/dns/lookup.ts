import { type DnsClient, DnsError } from './client.js';
import type { DnsRecord, QueryType, Reply } from './message.js';

/** Which addresses are asked for. */
export type Family = 'any' | 'ipv4' | 'ipv6';

/** What of DNS lists the endpoints of a service. */
export interface DnsName {
  /** Absolute, without the dot at the end. */
  readonly name: string;
  /** With it, the addresses of the name at this port; undefined asks for SRV records, which give ports. */
  readonly port: number | undefined;
}

/** One address that DNS gives. */
export interface Located {
  readonly ip: string;
  readonly port: number;
  /** Above 0. */
  readonly weight: number;
  /** Target of the SRV record; undefined when the name itself was asked for addresses. */
  readonly target: string | undefined;
}

export interface Lookup {
  /** Empty when the name has no records, or none of its targets has an address. */
  readonly located: readonly Located[];
  /** Seconds for which this holds. */
  readonly ttl: number;
  /** Targets of SRV records for which no address was had. */
  readonly unresolved: readonly string[];
}

/** Addresses by SRV target, as they were last time. */
export type Remembered = ReadonlyMap<string, readonly string[]>;

interface Addresses {
  readonly ips: readonly string[];
  readonly ttl: number;
}

type SrvRecord = Extract<DnsRecord, { type: 'SRV' }>;

/** How long the absence of a name holds when the reply does not say. */
const UNSAID_TTL = 10;
/** How soon a target that could not be resolved is tried again, in seconds. */
const UNRESOLVED_TTL = 5;
/** Aliases that lead to aliases: more are a loop. */
const MOST_ALIASES = 8;
/** Targets that are asked for at the same time. */
const AT_ONCE = 8;
/** RFC 2782: beside targets with a weight, one with 0 has a very small chance. */
const SMALL_WEIGHT = 0.001;

/** Looks names up as they are now. Each call rejects with DnsError when there is no answer to believe. */
export class Lookups {
  readonly #client: DnsClient;
  readonly #types: readonly ('A' | 'AAAA')[];

  constructor(client: DnsClient, family: Family) {
    this.#client = client;
    this.#types = family === 'any' ? ['A', 'AAAA'] : [family === 'ipv4' ? 'A' : 'AAAA'];
  }

  lookUp({ name, port }: DnsName, remembered: Remembered, signal: AbortSignal): Promise<Lookup> {
    return port === undefined
      ? this.#services(name, remembered, signal)
      : this.#addressesAt(name, port, signal);
  }

  async #addressesAt(name: string, port: number, signal: AbortSignal): Promise<Lookup> {
    const { ips, ttl } = await this.#addresses(name, signal);
    return {
      located: ips.map((ip) => ({ ip, port, weight: 1, target: undefined })),
      ttl,
      unresolved: [],
    };
  }

  async #addresses(name: string, signal: AbortSignal): Promise<Addresses> {
    const found = await Promise.all(this.#types.map((type) => this.#records(name, type, signal)));
    const ips = found.flatMap(({ records }) => records.flatMap(addressOf));
    // The absence of one family does not say how long the addresses of the other hold.
    const telling = ips.length === 0 ? found : found.filter(({ records }) => records.length > 0);
    return { ips: [...new Set(ips)], ttl: Math.min(...telling.map(({ ttl }) => ttl)) };
  }

  async #services(name: string, remembered: Remembered, signal: AbortSignal): Promise<Lookup> {
    const { records, additionals, ttl } = await this.#records(name, 'SRV', signal);
    const all = records.filter((record) => record.type === 'SRV');
    // RFC 2782: a client must use the lowest numbered priority; the target "." says that there is no service.
    const priority = Math.min(...all.map((record) => record.priority));
    const used = all.filter((record) => record.priority === priority && record.target !== '');
    const targets = [...new Set(used.map(({ target }) => target))];
    const resolved = await this.#targets(targets, additionals, remembered, signal);
    return {
      located: used.flatMap((record) => locate(record, used, resolved.addresses.get(record.target)?.ips)),
      ttl: Math.min(ttl, ...[...resolved.addresses.values()].map((addresses) => addresses.ttl)),
      unresolved: resolved.unresolved,
    };
  }

  /** Addresses of each target: those that came with the reply, else asked for, else as they were. */
  async #targets(
    targets: readonly string[],
    additionals: readonly DnsRecord[],
    remembered: Remembered,
    signal: AbortSignal,
  ): Promise<{ addresses: ReadonlyMap<string, Addresses>; unresolved: readonly string[] }> {
    const addresses = new Map<string, Addresses>();
    const unresolved: string[] = [];
    let failure: unknown;
    const resolve = async (target: string): Promise<void> => {
      const found = await (this.#among(additionals, target) ?? this.#addresses(target, signal)).catch(
        (error: unknown) => {
          failure ??= error;
          return undefined;
        },
      );
      // What SRV still lists is believed in over a target that just then has no address.
      const ips = found?.ips.length ? found.ips : (remembered.get(target) ?? []);
      const ttl = found?.ips.length ? found.ttl : UNRESOLVED_TTL;
      addresses.set(target, { ips, ttl });
      if (ips.length === 0) unresolved.push(target);
    };
    for (let first = 0; first < targets.length; first += AT_ONCE) {
      await Promise.all(targets.slice(first, first + AT_ONCE).map(resolve));
    }
    // Nothing of use, and not because it is so.
    if (failure !== undefined && unresolved.length === targets.length) throw failure;
    return { addresses, unresolved };
  }

  #among(additionals: readonly DnsRecord[], target: string): Promise<Addresses> | undefined {
    const own = additionals.filter(
      (record) => record.name === target && this.#types.some((type) => type === record.type),
    );
    if (own.length === 0) return undefined;
    return Promise.resolve({
      ips: [...new Set(own.flatMap(addressOf))],
      ttl: Math.min(...own.map(({ ttl }) => ttl)),
    });
  }

  /** Records of one type, found through aliases. The TTL is the shortest on the way. */
  async #records(
    name: string,
    type: QueryType,
    signal: AbortSignal,
  ): Promise<{ records: readonly DnsRecord[]; additionals: readonly DnsRecord[]; ttl: number }> {
    let owner = name;
    let ttl = Number.POSITIVE_INFINITY;
    let reply: Reply | undefined;
    for (let steps = 0; steps <= MOST_ALIASES; steps += 1) {
      reply ??= await this.#client.ask({ name: owner, type }, signal);
      const { answers, additionals } = reply;
      const records = answers.filter((record) => record.name === owner && record.type === type);
      ttl = Math.min(ttl, ...records.map((record) => record.ttl));
      if (records.length > 0) return { records, additionals, ttl };
      const alias = answers.find((record) => record.name === owner && record.type === 'CNAME');
      if (alias?.type !== 'CNAME') {
        return { records, additionals, ttl: Math.min(ttl, reply.negativeTtl ?? UNSAID_TTL) };
      }
      ttl = Math.min(ttl, alias.ttl);
      owner = alias.target;
      // A server that does not follow aliases leaves that to us; a name that is said not to be is not asked again.
      const followed = answers.some((record) => record.name === owner) || reply.negativeTtl !== undefined;
      if (!followed && reply.code === 0) reply = undefined;
    }
    throw new DnsError(`${type} ${name}: more than ${MOST_ALIASES} aliases`);
  }
}

function addressOf(record: DnsRecord): string[] {
  return record.type === 'A' || record.type === 'AAAA' ? [record.address] : [];
}

/** A target's weight is that of the process behind it: its addresses share it. */
function locate(record: SrvRecord, used: readonly SrvRecord[], ips: readonly string[] = []): Located[] {
  const anyWeight = used.some(({ weight }) => weight > 0);
  const weight = anyWeight ? record.weight || SMALL_WEIGHT : 1;
  return ips.map((ip) => ({ ip, port: record.port, weight: weight / ips.length, target: record.target }));
}
