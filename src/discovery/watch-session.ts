import {
  RegistryError,
  type RegistryEvent,
  type RegistryMember,
  type RegistryWatch,
  type RegistryWatchMessage,
  revisionOf,
} from './registry-client.js';

/** Why a session is over: carry on from the same place elsewhere, or list again. */
export type SessionEnd =
  | { readonly next: 'resume'; readonly error: RegistryError }
  | { readonly next: 'relist'; readonly reason: RelistReason; readonly error: RegistryError | undefined };

/** The `reason` label of watchgate_registry_relists_total. */
export type RelistReason =
  | 'start'
  | 'outage'
  | 'compacted'
  | 'cluster-changed'
  | 'revision-went-back'
  | 'unknown-error'
  | 'periodic';

export interface SessionHandlers {
  readonly created: () => void;
  /** Whole revisions, in order. */
  readonly events: (events: readonly RegistryEvent[]) => void;
  /** The watermark moved, or the member showed that it lives. */
  readonly heard: () => void;
}

/**
 * One watch stream, from opening to end. What arrives on it is put together, checked and passed on;
 * the position to resume from moves only with events that have been passed on.
 */
export class WatchSession {
  /** Resolves when the session is over. Never rejects. */
  readonly done: Promise<SessionEnd>;
  readonly #clusterId: string;
  readonly #handlers: SessionHandlers;
  readonly #finish: (end: SessionEnd) => void;
  #watch: RegistryWatch | undefined;
  #over = false;
  #position: bigint;
  #watermark: bigint;
  #fragments: RegistryEvent[] = [];

  /** `position` is the revision up to which everything is known. */
  constructor(clusterId: string, position: bigint, handlers: SessionHandlers) {
    const { promise, resolve } = promiseParts<SessionEnd>();
    this.done = promise;
    this.#finish = resolve;
    this.#clusterId = clusterId;
    this.#position = position;
    this.#watermark = position;
    this.#handlers = handlers;
  }

  /** Opens the stream. A failure to open ends the session. */
  async open(member: RegistryMember): Promise<void> {
    try {
      const watch = await member.watch(this.#position + 1n, {
        message: (message) => this.#receive(message),
        end: (error) => this.end(endFor(error)),
      });
      this.#watch = watch;
      if (this.#over) watch.close();
    } catch (error) {
      this.end(endFor(asRegistryError(error)));
    }
  }

  /** Revision of the last event passed on; a new stream starts after it. */
  get position(): bigint {
    return this.#position;
  }

  /**
   * Everything up to here has been seen. May be ahead of `position` when other prefixes change.
   * A progress reply can overtake events on etcd before 3.4.25 / 3.5.8, so it never moves `position`.
   */
  get watermark(): bigint {
    return this.#watermark;
  }

  /** Says whether there was a stream to ask on. */
  requestProgress(): boolean {
    this.#watch?.requestProgress();
    return this.#watch !== undefined;
  }

  /** Closes the stream; the first reason given counts. */
  end(end: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch?.close();
    this.#finish(end);
  }

  #receive(message: RegistryWatchMessage): void {
    if (this.#over) return;
    if (message.clusterId !== this.#clusterId) {
      this.end({ next: 'relist', reason: 'cluster-changed', error: undefined });
      return;
    }
    // The reply to the create request carries the current revision, not that of any event: taking it for
    // the position loses the backlog when the stream dies before the backlog arrives.
    if (message.kind === 'created') this.#handlers.created();
    if (message.kind === 'events') this.#take(message);
    if (message.kind === 'progress' && message.revision > this.#watermark) this.#watermark = message.revision;
    this.#handlers.heard();
  }

  #take(message: RegistryWatchMessage): void {
    const events = this.#fragments.length === 0 ? message.events : [...this.#fragments, ...message.events];
    if (message.fragment) {
      this.#fragments = [...events];
      return;
    }
    this.#fragments = [];
    this.#handlers.events(events);
    // Not the revision of the message: a catch-up comes in batches of 1,000 revisions, each headed by
    // the revision at which the whole of it ends.
    for (const event of events) {
      const revision = revisionOf(event);
      if (revision > this.#position) this.#position = revision;
    }
    if (this.#position > this.#watermark) this.#watermark = this.#position;
  }
}

export function asRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  return new RegistryError('unknown', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

function endFor(error: RegistryError): SessionEnd {
  if (error.fault === 'compacted') return { next: 'relist', reason: 'compacted', error };
  if (error.fault === 'unknown') return { next: 'relist', reason: 'unknown-error', error };
  return { next: 'resume', error };
}

function promiseParts<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
