import type { ConsulAgent } from '../../consul/agent.js';
import type { ConsulAgents } from '../../consul/agents.js';
import type { CatalogNames, ServiceEntry } from '../../consul/entries.js';
import type { ConsulError } from '../../consul/errors.js';
import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import { type AnswerKind, type Asked, BlockingQuery } from './blocking-query.js';
import { QuerySlots } from './query-slots.js';

/** Called synchronously; must not throw. */
export interface FollowingListener {
  /** The whole list of a service, after each answer. */
  readonly listed: (name: string, entries: readonly ServiceEntry[], kind: AnswerKind) => void;
  /** A service is not followed any more. */
  readonly dropped: (name: string) => void;
  /** After each answer, of services and of the catalogue. */
  readonly answered: (agent: string) => void;
  readonly failed: (error: ConsulError) => void;
}

export interface FollowingOptions {
  readonly agents: ConsulAgents;
  readonly datacenter: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: FollowingListener;
}

interface Followed {
  readonly query: BlockingQuery<readonly ServiceEntry[]>;
  empty: boolean;
}

/** The servers register themselves under this name; their port speaks no HTTP. */
const CONSUL_ITSELF = 'consul';

/** Keeps one query for each service that is wanted, and one for the catalogue when all are. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #slots = new QuerySlots();
  readonly #services = new Map<string, Followed>();
  #wanted: ReadonlySet<string> = new Set();
  #catalog: BlockingQuery<CatalogNames> | undefined;
  #listed: ReadonlySet<string> | undefined;
  readonly #stopping = new Set<Promise<void>>();
  /** Whose turn it is to be asked again. */
  #turn = 0;
  #checkedAt: number | undefined;

  constructor(options: FollowingOptions) {
    this.#options = options;
  }

  /** Follows `names` and, with `all`, whatever the catalogue lists. */
  want(names: ReadonlySet<string>, all: boolean): void {
    this.#wanted = names;
    if (all) this.#catalog ??= this.#followCatalog();
    else this.#leaveCatalog();
    this.#reconcile();
  }

  /** Whether every question has been answered once. */
  get complete(): boolean {
    return this.#queries().every(({ index }) => index !== undefined);
  }

  /** Whether the last try of any question came to nothing. */
  get failing(): boolean {
    return this.#queries().some(({ failing }) => failing);
  }

  /** The newest index of all answers. */
  get index(): bigint {
    return this.#queries().reduce((newest, { index = 0n }) => (index > newest ? index : newest), 0n);
  }

  /**
   * When the view was last proved current, on the monotonic clock: every question was answered then, or
   * was waiting at an agent that answered another one.
   */
  get confirmedAt(): number | undefined {
    const times = this.#queries().flatMap(({ confirmedAt }) => confirmedAt ?? []);
    if (times.length === 0) return this.#checkedAt;
    const oldest = Math.min(...times);
    const waiting = !this.failing && this.#slots.enough;
    return waiting ? Math.max(oldest, this.#checkedAt ?? oldest) : oldest;
  }

  /**
   * Asks one of the questions at once, each in its turn: the leader is there and can be reached, so the
   * queries that wait would have been told of a change. It proves nothing while the one that waits is yet
   * to hear of what this one heard.
   */
  async check(agent: ConsulAgent, signal: AbortSignal): Promise<void> {
    const { datacenter, clock } = this.#options;
    const sentAt = clock.monotonic();
    const names = [...this.#services.keys()];
    const name = names[this.#turn++ % Math.max(1, names.length)];
    const query = { datacenter, index: 0n, waitMs: 0, consistent: true, signal };
    const { index } = await (name === undefined ? agent.services(query) : agent.health(name, query));
    const asked: Asked | undefined = name === undefined ? this.#catalog : this.#services.get(name)?.query;
    if (asked === undefined || (asked.index !== undefined && asked.index >= index)) this.#checkedAt = sentAt;
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#leaveCatalog();
    for (const name of [...this.#services.keys()]) this.#stop(name);
    await Promise.all(this.#stopping);
  }

  #queries(): Asked[] {
    const ofServices = [...this.#services.values()].map(({ query }): Asked => query);
    return this.#catalog === undefined ? ofServices : [this.#catalog, ...ofServices];
  }

  #followCatalog(): BlockingQuery<CatalogNames> {
    const { listener } = this.#options;
    return new BlockingQuery<CatalogNames>({
      ...this.#options,
      slots: this.#slots,
      ask: (agent, query) => agent.services(query),
      listener: {
        answered: ({ value }, _kind, agent) => {
          this.#listed = new Set(value.filter((name) => name !== CONSUL_ITSELF));
          this.#reconcile();
          listener.answered(agent);
        },
        failed: listener.failed,
      },
    });
  }

  #leaveCatalog(): void {
    if (this.#catalog !== undefined) this.#wait(this.#catalog.stop());
    this.#catalog = undefined;
    this.#listed = undefined;
  }

  #reconcile(): void {
    for (const name of [...this.#wanted, ...(this.#listed ?? [])]) {
      if (!this.#services.has(name)) this.#services.set(name, this.#follow(name));
    }
    for (const [name, { empty }] of this.#services) {
      if (this.#wanted.has(name) || this.#listed?.has(name)) continue;
      // The catalogue may be ahead of the service's own query, whose word it is that nothing is left.
      if (this.#catalog === undefined || empty) this.#drop(name);
    }
    this.#slots.askers = this.#queries().length;
  }

  #follow(name: string): Followed {
    const { listener } = this.#options;
    const query = new BlockingQuery<readonly ServiceEntry[]>({
      ...this.#options,
      slots: this.#slots,
      ask: (agent, options) => agent.health(name, options),
      listener: {
        answered: ({ value }, kind, agent) => {
          followed.empty = value.length === 0;
          listener.listed(name, value, kind);
          if (followed.empty) this.#reconcile();
          listener.answered(agent);
        },
        failed: listener.failed,
      },
    });
    const followed: Followed = { query, empty: false };
    return followed;
  }

  #drop(name: string): void {
    this.#stop(name);
    this.#options.listener.dropped(name);
  }

  #stop(name: string): void {
    const followed = this.#services.get(name);
    this.#services.delete(name);
    if (followed !== undefined) this.#wait(followed.query.stop());
  }

  #wait(stopped: Promise<void>): void {
    this.#stopping.add(stopped);
    void stopped.then(() => this.#stopping.delete(stopped));
  }
}
