import type { EndpointSet } from '../core/endpoint.js';
import type { Source, SourceSnapshot } from '../discovery/source.js';
import type { SourceChange, SourceState } from './messages.js';

/** One source, as far as the workers have been told of it. */
interface Told {
  version: number;
  snapshot: SourceSnapshot | undefined;
}

/**
 * Tells the workers what the registries list: all of it to one that begins, and to the others what
 * has changed. Each change has the next version of its source, so that a worker notices if it missed one.
 */
export class EndpointFeed {
  readonly #told = new Map<string, Told>();
  readonly #stops: readonly (() => void)[];

  constructor(sources: readonly Source[], tell: (change: SourceChange) => void) {
    for (const { name } of sources) this.#told.set(name, { version: 0, snapshot: undefined });
    this.#stops = sources.map((source) =>
      source.subscribe((snapshot) => tell(this.#advance(source.name, snapshot))),
    );
  }

  /** For a worker that begins; changes told from now on follow on it. */
  states(): SourceState[] {
    return [...this.#told].map(([source, { version, snapshot }]) => ({
      source,
      version,
      revision: snapshot?.revision ?? '',
      sets: [...(snapshot?.services.values() ?? [])],
    }));
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #advance(source: string, snapshot: SourceSnapshot): SourceChange {
    const told = this.#told.get(source) ?? { version: 0, snapshot: undefined };
    const sets = changedSets(told.snapshot, snapshot);
    const version = told.version + 1;
    this.#told.set(source, { version, snapshot });
    return { source, version, revision: snapshot.revision, sets };
  }
}

function changedSets(before: SourceSnapshot | undefined, after: SourceSnapshot): EndpointSet[] {
  // `changed` is relative to the snapshot before, which was not told when this is the first.
  const names =
    (before && after.changed) ?? new Set([...(before?.services.keys() ?? []), ...after.services.keys()]);
  return [...names]
    .filter((service) => before?.services.get(service) !== after.services.get(service))
    .map((service) => after.services.get(service) ?? { service, endpoints: [] });
}
