import type { Clock } from '../../core/clock.js';
import type { Endpoint, EndpointSet } from '../../core/endpoint.js';
import { messageOf } from '../../core/errors.js';
import type { Announce } from '../../core/events.js';
import { type FileProblem, formatProblem } from '../../files/file-problem.js';
import { readText } from '../../files/read-text.js';
import { type FileWatch, watchFile } from '../../files/watch.js';
import { type AddressPolicy, createAddressPolicy } from '../address-policy.js';
import { Contact } from '../contact.js';
import type { Registration } from '../schemas/schema.js';
import { ServiceLists } from '../service-lists.js';
import { Snapshots } from '../snapshots.js';
import type { Departure, SnapshotListener, Source, SourceSnapshot, SourceView } from '../source.js';
import { readEndpointFile } from './endpoint-file.js';

export interface FileSourceOptions {
  readonly name: string;
  /** A relative one is relative to the working directory. */
  readonly path: string;
  /** Absent: everything but link-local, metadata and multicast addresses. */
  readonly allowed?: AddressPolicy | undefined;
  readonly clock: Clock;
  readonly announce: Announce;
}

/**
 * A source that follows a YAML or JSON file. A file that cannot be read, or in which anything is wrong,
 * changes nothing: it is taken whole or not at all.
 */
export function createFileSource(options: FileSourceOptions): Source {
  return new FileSource(options);
}

class FileSource implements Source {
  readonly name: string;
  readonly #options: FileSourceOptions;
  readonly #lists: ServiceLists;
  readonly #contact: Contact;
  readonly #snapshots = new Snapshots();
  #watch: FileWatch | undefined;
  #reading: Promise<void> = Promise.resolve();
  #confirmedAt: number | undefined;
  #closed = false;

  constructor(options: FileSourceOptions) {
    this.name = options.name;
    this.#options = options;
    const { name, clock, announce, allowed } = options;
    this.#lists = new ServiceLists({ policy: allowed ?? createAddressPolicy(), clock });
    this.#contact = new Contact({ source: name, clock, announce });
  }

  start(): void {
    if (this.#watch !== undefined || this.#closed) return;
    const { path, clock } = this.#options;
    this.#watch = watchFile(path, { clock, onChange: () => this.#queueRead() });
    this.#reading = this.#watch.ready;
    this.#queueRead();
  }

  snapshot(): SourceSnapshot | undefined {
    return this.#snapshots.current;
  }

  subscribe(listener: SnapshotListener): () => void {
    return this.#snapshots.subscribe(listener);
  }

  view(): SourceView {
    return {
      source: this.name,
      type: 'file',
      connected: this.#contact.connected,
      ready: this.#snapshots.current !== undefined,
      member: this.#options.path,
      revision: '',
      confirmedMsAgo: this.#confirmedMsAgo(),
      drift: 0,
      services: this.#lists.sets.size,
      endpoints: this.#lists.endpointCount,
      invalidValues: this.#lists.invalidValues,
      lastError: this.#contact.lastError ?? null,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.close();
    await this.#reading;
  }

  /** While the file is good it is also watched, so that the view is current now; else since the last good reading. */
  #confirmedMsAgo(): number | null {
    if (this.#confirmedAt === undefined) return null;
    return this.#contact.connected ? 0 : Math.round(this.#options.clock.monotonic() - this.#confirmedAt);
  }

  /** One after another, so that an older reading never lands on a newer one. */
  #queueRead(): void {
    this.#reading = this.#reading.then(() => this.#read());
  }

  async #read(): Promise<void> {
    const { path } = this.#options;
    if (this.#closed) return;
    try {
      const file = readEndpointFile(await readText(path), path);
      if (this.#closed) return;
      if ('problems' in file) this.#refuse(inOneLine(file.problems));
      else this.#take(file.services);
    } catch (error) {
      if (!this.#closed) this.#refuse(messageOf(error));
    }
  }

  #take(services: ReadonlyMap<string, readonly Registration[]>): void {
    const before = this.#lists.sets;
    const changed = new Set<string>();
    const names = new Set([...before.keys(), ...services.keys()]);
    for (const service of names) {
      if (this.#lists.replace(service, this.#options.path, services.get(service) ?? [])) changed.add(service);
    }
    this.#confirmedAt = this.#options.clock.monotonic();
    this.#contact.good(this.#options.path);
    this.#contact.invalid(this.#lists.invalidNews.take());
    if (changed.size === 0 && this.#snapshots.current !== undefined) return;
    const { sets } = this.#lists;
    const departures = departuresBetween(before, sets, changed);
    this.#snapshots.publish({ services: sets, revision: '', changed, departures });
  }

  #refuse(message: string): void {
    this.#confirmedAt = this.#contact.connected ? this.#options.clock.monotonic() : this.#confirmedAt;
    this.#contact.bad(message);
  }
}

/** A file that was good as a whole means what it says: whoever took an endpoint out of it wanted it gone. */
function departuresBetween(
  before: ReadonlyMap<string, EndpointSet>,
  after: ReadonlyMap<string, EndpointSet>,
  changed: ReadonlySet<string>,
): ReadonlyMap<Endpoint, Departure> {
  const gone = [...changed].flatMap((service) => {
    const listed = new Set(after.get(service)?.endpoints.map(({ address }) => address));
    return before.get(service)?.endpoints.filter(({ address }) => !listed.has(address)) ?? [];
  });
  return new Map(gone.map((endpoint) => [endpoint, { willing: true, revision: undefined, lease: '' }]));
}

const MOST_PROBLEMS_NAMED = 10;

function inOneLine(problems: readonly FileProblem[]): string {
  const more = problems.length - MOST_PROBLEMS_NAMED;
  const shown = problems.slice(0, MOST_PROBLEMS_NAMED).map(formatProblem).join('; ');
  return more > 0 ? `${shown}; and ${more} more` : shown;
}
