import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Clock, Timer } from '../core/clock.js';
import { refusal } from './etcd-error.js';
import type { EventMessage, Header, WatchCreateRequest, WatchRequest, WatchResponse } from './messages.js';
import type { Store } from './store.js';
import { eventBytes, Watcher, watchedRange } from './watcher.js';

export type WatchCall = ServerDuplexStream<WatchRequest, WatchResponse>;

export interface WatchContext {
  readonly store: Store;
  readonly clock: Clock;
  /** The header of a response that is true at a revision. */
  readonly header: (revision: number) => Header;
  /** Between progress notices to a watcher that asked for them. */
  readonly progressIntervalMs: number;
}

/** In etcd: `--max-request-bytes` and 512 KiB for gRPC. */
const FRAGMENT_BYTES = 2 * 1024 * 1024;
/** Stands for no watcher, or for all of the stream's. */
const NO_WATCHER = '-1';
/** Asks the server for an id. The first one it gives is 0 too. */
const CHOOSE_ID = '0';

/**
 * One Watch stream with its watchers. Live events and the replay of history are the same thing: on
 * a commit, on a new watcher and on a drained socket each watcher is moved on from where it is.
 * While the client does not read, nothing is written and no request is taken, so that a slow client
 * holds a bounded amount of memory.
 */
export class WatchStream {
  readonly #call: WatchCall;
  readonly #context: WatchContext;
  readonly #watchers = new Map<string, Watcher>();
  readonly #stopListening: () => void;
  #nextId = 0;
  #blocked = false;
  #closed = false;
  #progressWanted = false;
  #progressTimer: Timer | undefined;

  constructor(call: WatchCall, context: WatchContext) {
    this.#call = call;
    this.#context = context;
    this.#stopListening = context.store.onCommit(() => this.#pump());
    call.on('data', (request: WatchRequest) => this.#take(request));
    call.on('drain', () => this.#drained());
    // No 'end' listener: as in etcd, a client that has nothing more to ask goes on hearing.
    for (const event of ['cancelled', 'close', 'error']) call.on(event, () => this.#close());
  }

  #close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#progressTimer?.cancel();
    this.#watchers.clear();
  }

  #drained(): void {
    this.#blocked = false;
    this.#pump();
    if (!this.#blocked) this.#call.resume();
  }

  #take(request: WatchRequest): void {
    switch (request.requestUnion) {
      case 'createRequest':
        return this.#create(request.createRequest);
      case 'cancelRequest':
        return this.#cancel(request.cancelRequest.watchId);
      case 'progressRequest':
        this.#progressWanted = true;
        return this.#pump();
      default:
        // etcd ignores a request that it does not know.
        return;
    }
  }

  #create(request: WatchCreateRequest): void {
    const range = watchedRange(request);
    if (range === undefined) return this.#refuse('mvcc: watcher range is empty');
    if (request.watchId !== CHOOSE_ID && this.#watchers.has(request.watchId)) {
      return this.#refuse('mvcc: duplicate watch ID provided on the WatchStream');
    }
    if (Number(request.startRevision) < 0) return this.#refuse(refusal('COMPACTED').details);
    const id = request.watchId === CHOOSE_ID ? this.#newId() : request.watchId;
    const watcher = new Watcher(id, request, range, this.#context.store);
    this.#watchers.set(id, watcher);
    if (watcher.progressNotify) this.#progressTimer ??= this.#armProgress();
    this.#write({ header: this.#headerNow(), watchId: id, created: true });
    this.#pump();
  }

  #refuse(cancelReason: string): void {
    const header = this.#headerNow();
    this.#write({ header, watchId: NO_WATCHER, created: true, canceled: true, cancelReason });
  }

  #cancel(id: string): void {
    if (!this.#watchers.delete(id)) return;
    this.#write({ header: this.#headerNow(), watchId: id, canceled: true });
  }

  #newId(): string {
    while (this.#watchers.has(String(this.#nextId))) this.#nextId += 1;
    return String(this.#nextId++);
  }

  /** Moves every watcher on, one response each in turn, until all have seen everything or the client is full. */
  #pump(): void {
    const { store } = this.#context;
    let moved = true;
    while (moved) {
      moved = false;
      for (const watcher of this.#watchers.values()) {
        if (this.#blocked || !watcher.behind(store)) continue;
        this.#advance(watcher);
        moved = true;
      }
    }
    this.#answerProgress();
  }

  #advance(watcher: Watcher): void {
    const { store, header } = this.#context;
    if (watcher.lost(store)) {
      this.#watchers.delete(watcher.id);
      // etcd sends no revision with this one.
      const compactRevision = store.compacted;
      this.#write({ header: header(0), watchId: watcher.id, canceled: true, compactRevision });
      return;
    }
    const events = watcher.take(store);
    if (events.length === 0) return;
    watcher.active = true;
    this.#sendEvents(watcher, events);
  }

  #sendEvents(watcher: Watcher, events: readonly EventMessage[]): void {
    const response = { header: this.#headerNow(), watchId: watcher.id };
    if (!watcher.fragment) return this.#write({ ...response, events });
    const parts = fragments(events);
    for (const [index, part] of parts.entries()) {
      this.#write({ ...response, events: part, fragment: index < parts.length - 1 });
    }
  }

  /**
   * After a pump that the client took whole, every watcher has seen everything: the revision in the
   * answer is a promise that nothing older follows. A watch from the future can promise nothing yet.
   */
  #answerProgress(): void {
    const { store } = this.#context;
    if (!this.#progressWanted || this.#blocked) return;
    this.#progressWanted = false;
    const watchers = [...this.#watchers.values()];
    if (watchers.length === 0 || !watchers.every((watcher) => watcher.caughtUp(store))) return;
    this.#write({ header: this.#headerNow(), watchId: NO_WATCHER });
  }

  #armProgress(): Timer {
    return this.#context.clock.after(this.#context.progressIntervalMs, () => {
      for (const watcher of this.#watchers.values()) this.#notify(watcher);
      this.#progressTimer = this.#armProgress();
    });
  }

  #notify(watcher: Watcher): void {
    const quiet = !watcher.active;
    watcher.active = false;
    if (!watcher.progressNotify || !quiet || this.#blocked || !watcher.caughtUp(this.#context.store)) return;
    this.#write({ header: this.#headerNow(), watchId: watcher.id });
  }

  #headerNow(): Header {
    return this.#context.header(this.#context.store.revision);
  }

  #write(response: WatchResponse): void {
    if (this.#closed || this.#call.write(response)) return;
    this.#blocked = true;
    this.#call.pause();
  }
}

/** Splits events so that each part stays under the limit, or is a single event. */
function fragments(events: readonly EventMessage[]): EventMessage[][] {
  const parts: EventMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const event of events) {
    bytes += eventBytes(event);
    const part = parts.at(-1);
    if (part === undefined || bytes >= FRAGMENT_BYTES) {
      parts.push([event]);
      bytes = eventBytes(event);
    } else {
      part.push(event);
    }
  }
  return parts;
}
