import { EtcdError, type EtcdFault, toEtcdError } from '../../etcd/errors.js';
import type { KeyRange } from '../../etcd/key-range.js';
import type { EtcdMember } from '../../etcd/member.js';
import type { EtcdMembers } from '../../etcd/members.js';
import type { WatchMessage } from '../../etcd/watch.js';
import type { WatchCall, WatchHandlers } from '../../etcd/watch-call.js';
import type { Header } from '../../etcd/wire.js';
import {
  type LeaseTerm,
  type ListPage,
  type PageRequest,
  type Position,
  type RegistryClient,
  RegistryError,
  type RegistryFault,
  type RegistryMember,
  type RegistryWatch,
  type RegistryWatchHandlers,
  type RegistryWatchMessage,
} from '../registry-client.js';

/** Keys per answer. Reading one takes a few milliseconds, for which requests in flight have to wait. */
const PAGE_SIZE = 1_000;
const CONFIRM_DEADLINE_MS = 1_500;

/** etcd, as the reflector sees a registry. Owns `members`. */
export class EtcdRegistryClient implements RegistryClient {
  readonly #members: EtcdMembers;
  readonly #keys: KeyRange;
  #current: EtcdRegistryMember | undefined;

  constructor(members: EtcdMembers, keys: KeyRange) {
    this.#members = members;
    this.#keys = keys;
  }

  get size(): number {
    return this.#members.size;
  }

  current(): RegistryMember {
    const member = this.#members.current();
    if (this.#current?.member !== member) this.#current = new EtcdRegistryMember(member, this.#keys);
    return this.#current;
  }

  leave(failed: RegistryMember): void {
    if (failed === this.#current) this.#members.leave(this.#current.member);
  }

  close(): void {
    this.#members.close();
  }
}

class EtcdRegistryMember implements RegistryMember {
  readonly member: EtcdMember;
  readonly #keys: KeyRange;

  constructor(member: EtcdMember, keys: KeyRange) {
    this.member = member;
    this.#keys = keys;
  }

  get name(): string {
    return this.member.endpoint;
  }

  async list({ cursor, revision }: PageRequest): Promise<ListPage> {
    const start = cursor ?? Buffer.from(this.#keys.start);
    const { header, kvs, next } = await this.member
      .range({
        key: start,
        end: this.#keys.end,
        limit: PAGE_SIZE,
        ...(revision !== undefined && { revision }),
      })
      .catch(rethrow);
    // Its next page would be this one again, for ever.
    if (next !== undefined && Buffer.compare(next, start) <= 0) {
      throw new RegistryError('unknown', 'malformed list: a page does not lead on');
    }
    return { ...positionOf(header), entries: kvs, next };
  }

  async watch(from: bigint, handlers: RegistryWatchHandlers): Promise<RegistryWatch> {
    let closed = false;
    let call: WatchCall | undefined;
    const end = (error: EtcdError): void => {
      if (closed) return;
      closed = true;
      call?.cancel();
      handlers.end(registryError(error));
    };
    const receive: WatchHandlers['message'] = (message) => {
      if (closed) return;
      const ending = endingOf(message);
      if (ending === undefined) handlers.message(readMessage(message));
      else end(ending);
    };
    call = await this.member.openWatch({ message: receive, end }).catch(rethrow);
    call.send({ kind: 'create', key: this.#keys.start, end: this.#keys.end, from });
    return {
      requestProgress: () => call?.send({ kind: 'progress' }),
      close: () => {
        closed = true;
        call?.cancel();
      },
    };
  }

  async confirm(): Promise<Position> {
    const answer = await this.member
      .range({ key: this.#keys.start, limit: 1, keysOnly: true, deadlineMs: CONFIRM_DEADLINE_MS })
      .catch(rethrow);
    return positionOf(answer.header);
  }

  async leaseTerm(lease: string): Promise<LeaseTerm> {
    const { ttl, grantedTtl } = await this.member.leaseTimeToLive(lease).catch(rethrow);
    return { lives: ttl > 0, granted: grantedTtl };
  }
}

/** Why a message ends its watch; undefined when it does not. */
function endingOf({ refused, compactRevision }: WatchMessage): EtcdError | undefined {
  if (refused === undefined) return undefined;
  if (compactRevision > 0n) {
    return new EtcdError('compacted', `the history before revision ${compactRevision} is gone`);
  }
  // A watch whose token has expired is refused in the stream, by etcd 3.4 even as `permission denied`.
  // The reflector then leaves this member, and the next one authenticates anew.
  return refused;
}

const FAULTS: Readonly<Record<EtcdFault, RegistryFault>> = {
  unavailable: 'broken',
  deadline: 'broken',
  closed: 'broken',
  unauthenticated: 'refused',
  denied: 'refused',
  compacted: 'compacted',
  'not-found': 'unknown',
  // Not `broken`: going on from the same place would bring the same message again, for ever if it is etcd that has it so.
  malformed: 'unknown',
  other: 'unknown',
};

function registryError(error: EtcdError): RegistryError {
  return new RegistryError(FAULTS[error.fault], error.message, { cause: error });
}

function rethrow(error: unknown): never {
  throw registryError(toEtcdError(error));
}

function readMessage(message: WatchMessage): RegistryWatchMessage {
  const { header, created, events, fragment } = message;
  return {
    ...positionOf(header),
    kind: created ? 'created' : events.length > 0 ? 'events' : 'progress',
    fragment,
    events: events.map(({ type, kv }) =>
      type === 'put' ? { type, entry: kv } : { type, key: kv.key, revision: kv.revision },
    ),
  };
}

function positionOf({ clusterId, revision }: Header): Position {
  return { clusterId, revision };
}
