import { contains, type KeyRange, keyRange, keyText } from './key-range.js';
import type { EventMessage, WatchCreateRequest } from './messages.js';
import type { Store } from './store.js';

/** Most revisions with matching events in one response, as in etcd. */
const BATCH_REVISIONS = 1000;
/** A response is closed at the end of the revision with which it reaches this. */
const BATCH_BYTES = 2 * 1024 * 1024;
const ZERO = Buffer.from([0]);

/** Bytes that an event takes in a response, near enough to bound one. */
export function eventBytes({ kv, prevKv }: EventMessage): number {
  const previous = prevKv === undefined ? 0 : prevKv.key.length + prevKv.value.length + 32;
  return kv.key.length + kv.value.length + 32 + previous;
}

/** The key range a watch is on; undefined when it can hold no key. */
export function watchedRange(request: WatchCreateRequest): KeyRange | undefined {
  // etcd reads no key as its smallest one, so that no key with a range end of zero watches everything.
  const range = keyRange(request.key.length === 0 ? ZERO : request.key, request.rangeEnd);
  return range.end !== undefined && range.start >= range.end ? undefined : range;
}

/**
 * A cursor over the store's history. It holds no events: a client that reads slowly costs nothing
 * but its place, and finds on its return what the store still keeps.
 */
export class Watcher {
  readonly id: string;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  readonly startRevision: number;
  /** Whether events went out since the last progress notice. */
  active = false;
  readonly #range: KeyRange;
  readonly #unwanted: readonly (string | number)[];
  readonly #withPrevious: boolean;
  /** First revision not looked at yet. */
  #next: number;

  constructor(id: string, request: WatchCreateRequest, range: KeyRange, store: Store) {
    this.id = id;
    this.fragment = request.fragment;
    this.progressNotify = request.progressNotify;
    this.startRevision = Number(request.startRevision);
    this.#range = range;
    this.#unwanted = request.filters;
    this.#withPrevious = request.prevKv;
    this.#next = this.startRevision > 0 ? this.startRevision : store.revision + 1;
  }

  /** Has seen everything there is, and what it waits for is not in the future. */
  caughtUp(store: Store): boolean {
    return this.#next > store.revision && this.startRevision <= store.revision;
  }

  behind(store: Store): boolean {
    return this.#next <= store.revision;
  }

  /** What it has still to see is compacted away. */
  lost(store: Store): boolean {
    return this.#next < store.compacted;
  }

  /** The next events, of whole revisions, and moves past them. Empty when there are none up to the newest revision. */
  take(store: Store): EventMessage[] {
    const taken: EventMessage[] = [];
    let bytes = 0;
    let revisions = 0;
    while (this.#next <= store.revision && revisions < BATCH_REVISIONS && bytes < BATCH_BYTES) {
      const before = taken.length;
      for (const event of store.changes(this.#next)) {
        if (!this.#wants(event)) continue;
        const sent = this.#asSent(event, store);
        taken.push(sent);
        bytes += eventBytes(sent);
      }
      if (taken.length > before) revisions += 1;
      this.#next += 1;
    }
    return taken;
  }

  #wants({ type, kv }: EventMessage): boolean {
    return (
      contains(this.#range, keyText(kv.key)) &&
      !this.#unwanted.includes(type === 'Put' ? 'Noput' : 'Nodelete')
    );
  }

  /** etcd reads the previous pair at the revision before; there is none once that is compacted. */
  #asSent(event: EventMessage, store: Store): EventMessage {
    if (event.prevKv === undefined) return event;
    if (this.#withPrevious && event.kv.modRevision - 1 >= store.compacted) return event;
    return { type: event.type, kv: event.kv, prevKv: undefined };
  }
}
