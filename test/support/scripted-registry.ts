import {
  type LeaseTerm,
  type ListPage,
  type PageRequest,
  type Position,
  type RegistryClient,
  type RegistryEntry,
  RegistryError,
  type RegistryEvent,
  type RegistryMember,
  type RegistryWatch,
  type RegistryWatchHandlers,
  type RegistryWatchMessage,
  revisionOf,
} from '../../src/discovery/registry-client.js';

/** One watch that a reflector opened, from the server's side. Nothing is sent unless the test sends it. */
export class ScriptedWatch implements RegistryWatch {
  readonly member: string;
  /** The revision that the watch asked to start from. */
  readonly from: bigint;
  readonly #registry: ScriptedRegistry;
  readonly #handlers: RegistryWatchHandlers;
  progressRequests = 0;
  open = true;

  constructor(registry: ScriptedRegistry, member: string, from: bigint, handlers: RegistryWatchHandlers) {
    this.#registry = registry;
    this.member = member;
    this.from = from;
    this.#handlers = handlers;
  }

  requestProgress(): void {
    this.progressRequests += 1;
    if (this.#registry.answersProgress) this.send({ kind: 'progress' });
  }

  close(): void {
    this.open = false;
  }

  send(message: Partial<RegistryWatchMessage> & Pick<RegistryWatchMessage, 'kind'>): void {
    const { clusterId, revision } = this.#registry;
    if (this.open) this.#handlers.message({ clusterId, revision, fragment: false, events: [], ...message });
  }

  created(): void {
    this.send({ kind: 'created' });
  }

  events(events: readonly RegistryEvent[], options: { fragment?: boolean; revision?: bigint } = {}): void {
    this.send({ kind: 'events', events, ...options });
  }

  /** Sends all that happened since `from`, as one message. */
  backlog(): void {
    this.events(this.#registry.since(this.from));
  }

  fail(error = new RegistryError('broken', 'connection reset')): void {
    if (!this.open) return;
    this.open = false;
    this.#handlers.end(error);
  }
}

/** A registry in memory that does what a test tells it to, and keeps count of what it was asked. */
export class ScriptedRegistry implements RegistryClient {
  readonly lists: string[] = [];
  readonly watches: ScriptedWatch[] = [];
  readonly #members: readonly string[];
  #entries = new Map<string, RegistryEntry>();
  #history: RegistryEvent[] = [];
  #compacted = 0n;
  #current: RegistryMember;
  #at = 0;
  clusterId = 'cluster-1';
  revision = 1n;
  pageSize = 1_000;
  confirms = 0;
  answersProgress = true;
  readonly livingLeases = new Set<string>();
  /** Leases that were asked about, in order. */
  readonly askedLeases: string[] = [];
  /** Thrown by what it names, for as long as it is set. */
  listError: RegistryError | undefined;
  confirmError: RegistryError | undefined;
  /** Runs between two pages of a list. */
  betweenPages: () => void = () => {};
  /** Runs when a watch has been opened. */
  onWatch: (watch: ScriptedWatch) => void = () => {};

  constructor(members: readonly string[] = ['m0']) {
    this.#members = members;
    this.#current = this.#member();
  }

  put(key: string, value: string, lease = ''): RegistryEvent {
    this.revision += 1n;
    const entry = { key, value, revision: this.revision, lease };
    this.#entries.set(key, entry);
    return this.#record({ type: 'put', entry });
  }

  delete(key: string): RegistryEvent {
    this.revision += 1n;
    this.#entries.delete(key);
    return this.#record({ type: 'delete', key, revision: this.revision });
  }

  /** The whole truth: key → value. */
  get truth(): Record<string, string> {
    return Object.fromEntries([...this.#entries].map(([key, { value }]) => [key, value]));
  }

  since(from: bigint): RegistryEvent[] {
    return this.#history.filter((event) => revisionOf(event) >= from);
  }

  compact(revision = this.revision): void {
    this.#compacted = revision;
    this.#history = this.#history.filter((event) => revisionOf(event) > revision);
  }

  /** Becomes what it was when `entries` was all there was, as after restoring a backup. */
  restore(revision: bigint, entries: Readonly<Record<string, string>>): void {
    this.revision = revision;
    this.#history = [];
    this.#compacted = 0n;
    this.#entries = new Map(
      Object.entries(entries).map(([key, value]) => [key, { key, value, revision, lease: '' }]),
    );
  }

  /** The watch opened last. */
  get watch(): ScriptedWatch {
    const last = this.watches.at(-1);
    if (last === undefined) throw new Error('no watch has been opened');
    return last;
  }

  get size(): number {
    return this.#members.length;
  }

  current(): RegistryMember {
    return this.#current;
  }

  leave(failed: RegistryMember): void {
    if (failed !== this.#current) return;
    this.#at = (this.#at + 1) % this.#members.length;
    this.#current = this.#member();
  }

  close(): void {
    for (const watch of this.watches) watch.close();
  }

  #record(event: RegistryEvent): RegistryEvent {
    this.#history.push(event);
    return event;
  }

  #member(): RegistryMember {
    const name = this.#members[this.#at] ?? '';
    return {
      name,
      list: (page) => this.#list(name, page),
      watch: (from, handlers) => this.#watch(name, from, handlers),
      confirm: () => this.#confirm(),
      leaseTerm: (lease) => this.#leaseTerm(lease),
    };
  }

  async #list(member: string, { cursor, revision }: PageRequest): Promise<ListPage> {
    if (cursor === undefined) this.lists.push(member);
    else this.betweenPages();
    if (this.listError) throw this.listError;
    if (revision !== undefined && revision < this.#compacted) {
      throw new RegistryError('compacted', 'required revision has been compacted');
    }
    const start = Number(cursor ?? 0);
    const entries = this.#entriesAt(revision ?? this.revision);
    const end = start + this.pageSize;
    return {
      clusterId: this.clusterId,
      revision: this.revision,
      entries: entries.slice(start, end),
      next: end < entries.length ? Buffer.from(String(end)) : undefined,
    };
  }

  #entriesAt(revision: bigint): RegistryEntry[] {
    const later = new Set(
      this.since(revision + 1n).map((event) => (event.type === 'put' ? event.entry.key : event.key)),
    );
    const unchanged = [...this.#entries.values()].filter((entry) => !later.has(entry.key));
    const replayed = new Map<string, RegistryEntry>();
    for (const event of this.#history.filter((past) => revisionOf(past) <= revision)) {
      if (event.type === 'delete') replayed.delete(event.key);
      else if (later.has(event.entry.key)) replayed.set(event.entry.key, event.entry);
    }
    return [...unchanged, ...replayed.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async #watch(member: string, from: bigint, handlers: RegistryWatchHandlers): Promise<RegistryWatch> {
    const watch = new ScriptedWatch(this, member, from, handlers);
    this.watches.push(watch);
    if (from <= this.#compacted) {
      queueMicrotask(() => watch.fail(new RegistryError('compacted', 'the history is gone')));
    } else {
      queueMicrotask(() => this.onWatch(watch));
    }
    return watch;
  }

  async #confirm(): Promise<Position> {
    this.confirms += 1;
    if (this.confirmError) throw this.confirmError;
    return { clusterId: this.clusterId, revision: this.revision };
  }

  async #leaseTerm(lease: string): Promise<LeaseTerm> {
    this.askedLeases.push(lease);
    const lives = this.livingLeases.has(lease);
    return { lives, granted: lives ? 10 : 0 };
  }
}
