import { WatchgateError } from '../../core/errors.js';
import type { SchemaName } from '../../core/schema-names.js';
import { toEtcdError } from '../../etcd/errors.js';
import { rangeBelow } from '../../etcd/key-range.js';
import type { EtcdMember } from '../../etcd/member.js';
import { EtcdMembers, type EtcdMembersOptions } from '../../etcd/members.js';
import type { RangeRequest } from '../../etcd/range.js';
import { type FoundEntry, type Survey, survey } from '../survey.js';

export interface EtcdSurveyOptions extends EtcdMembersOptions {
  /** Without trailing slashes; the first must be readable, of the others what may be read is taken. */
  readonly prefixes: readonly [string, ...string[]];
}

export interface EtcdSurvey extends Survey {
  /** The member that answered. */
  readonly member: string;
  /** Decimal. */
  readonly revision: string;
  /** Whether there were more keys than are looked at. */
  readonly truncated: boolean;
  /** Granted seconds of some leases, by the schema of their keys; empty when they cannot be told. */
  readonly leaseSeconds: ReadonlyMap<SchemaName, readonly number[]>;
}

const PAGE_SIZE = 1_000;
/** A registry of this size has said what it holds; and the values have to fit in memory. */
const MOST_KEYS = 100_000;

/**
 * Reads what is at and below the prefixes, once. Rejects with REGISTRY_UNAVAILABLE or REGISTRY_DENIED, in
 * one line that holds no secret.
 */
export async function surveyEtcd(options: EtcdSurveyOptions): Promise<EtcdSurvey> {
  const members = new EtcdMembers(options);
  try {
    return await members.call((member) => surveyMember(member, options.prefixes));
  } catch (error) {
    throw explained(error, options);
  } finally {
    members.close();
  }
}

async function surveyMember(member: EtcdMember, [first, ...others]: readonly [string, ...string[]]) {
  const scan = new Scan(member);
  await scan.read(first);
  for (const prefix of others) {
    await scan.read(prefix).catch((error: unknown) => {
      if (toEtcdError(error).fault !== 'denied') throw error;
    });
  }
  const result = survey(scan.found);
  const { truncated } = scan;
  const leaseSeconds = await grantedSeconds(member, result);
  return {
    ...result,
    member: member.endpoint,
    revision: String(scan.revision ?? 0n),
    truncated,
    leaseSeconds,
  };
}

/** Pages through prefixes as they are at one revision. */
class Scan {
  readonly found: FoundEntry[] = [];
  truncated = false;
  revision: bigint | undefined;
  readonly #member: EtcdMember;

  constructor(member: EtcdMember) {
    this.#member = member;
  }

  async read(prefix: string): Promise<void> {
    const { start, end } = rangeBelow(prefix);
    for (let cursor: string | Buffer | undefined = start; cursor !== undefined; ) {
      cursor = await this.#page({ key: cursor, end, limit: PAGE_SIZE }, prefix);
    }
    // The prefix may itself be a key; a user who may read what is below it need not be allowed to read that.
    if (prefix === '') return;
    await this.#page({ key: prefix }, prefix).catch((error: unknown) => {
      if (toEtcdError(error).fault !== 'denied') throw error;
    });
  }

  async #page(request: RangeRequest, prefix: string): Promise<Buffer | undefined> {
    const { header, kvs, next } = await this.#member.range({
      ...request,
      ...(this.revision !== undefined && { revision: this.revision }),
    });
    this.revision ??= header.revision;
    for (const entry of kvs) this.found.push({ entry, prefix });
    if (this.found.length < MOST_KEYS || next === undefined) return next;
    this.truncated = true;
    return undefined;
  }
}

/** Asks about a few leases only: each is a call, and registrars of one schema ask for the same. */
async function grantedSeconds(member: EtcdMember, { groups }: Survey): Promise<Map<SchemaName, number[]>> {
  const seconds = new Map<SchemaName, number[]>();
  for (const { schema, leases } of groups) {
    const states = await Promise.allSettled(leases.map((lease) => member.leaseTimeToLive(lease)));
    const granted = states.flatMap((state) =>
      // Gone since, or not ours to ask about: the rest of the answer is none the worse.
      state.status === 'fulfilled' && state.value.ttl > 0 ? [state.value.grantedTtl] : [],
    );
    const all = [...(seconds.get(schema) ?? []), ...granted];
    seconds.set(
      schema,
      [...new Set(all)].sort((a, b) => a - b),
    );
  }
  return seconds;
}

function explained(error: unknown, { endpoints, prefixes, username }: EtcdSurveyOptions): WatchgateError {
  const { fault, message } = toEtcdError(error);
  if (fault === 'denied' || fault === 'unauthenticated') {
    const who = username === undefined ? 'without a user name' : `as ${username}`;
    const what = prefixes[0] === '' ? 'the whole registry' : prefixes[0];
    return new WatchgateError('REGISTRY_DENIED', `registry: may not read ${what} ${who}: ${message}`, {
      cause: error,
    });
  }
  const where = endpoints.join(', ');
  return new WatchgateError('REGISTRY_UNAVAILABLE', `registry: cannot read ${where}: ${message}`, {
    cause: error,
  });
}
