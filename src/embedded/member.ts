import { type Random, randomBelow } from '../core/random.js';
import type { Header } from './messages.js';

/** Who answers. New at each start, so that clients see that what they knew of the last one is void. */
export interface Member {
  /** 64-bit numbers as decimal text. */
  readonly clusterId: string;
  readonly memberId: string;
}

/** There are no elections, so the term never changes. */
export const RAFT_TERM = 2;

export function newMember(random: Random): Member {
  const id = (): string =>
    ((BigInt(randomBelow(random, 2 ** 32)) << 31n) | BigInt(1 + randomBelow(random, 2 ** 31 - 1))).toString();
  return { clusterId: id(), memberId: id() };
}

export function headerOf({ clusterId, memberId }: Member, revision: number): Header {
  return { clusterId, memberId, revision, raftTerm: RAFT_TERM };
}
