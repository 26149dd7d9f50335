import type { TestContext } from 'node:test';
import { EventHub, type SourceEvent } from '../../src/core/events.js';
import type { Source, SourceSnapshot } from '../../src/discovery/source.js';
import { PATIENCE_MS } from './wire.js';

/** Which addresses which services have. */
export type Listed = Readonly<Record<string, readonly string[]>>;

/** A source, everything that it has said, and a way to wait for more. It is closed when the test ends. */
export class WatchedSource {
  readonly source: Source;
  readonly snapshots: SourceSnapshot[] = [];
  readonly events: SourceEvent[] = [];
  readonly #checks = new Set<() => void>();

  constructor(t: TestContext, make: (announce: EventHub['announce']) => Source) {
    const hub = new EventHub();
    hub.on('source', (event) => {
      this.events.push(event);
      this.#check();
    });
    this.source = make(hub.announce);
    this.source.subscribe((snapshot) => {
      this.snapshots.push(snapshot);
      this.#check();
    });
    t.after(() => this.source.close());
  }

  /** Addresses by service, as they are now. */
  get listed(): Listed {
    return addressesOf(this.source.snapshot());
  }

  /** Resolves when `holds` does; asked after each snapshot and each event, and now and then for the view. */
  until(what: string, holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        this.#checks.delete(check);
        clearInterval(asking);
        clearTimeout(giveUp);
        settle();
      };
      const check = (): void => {
        if (holds()) finish(resolve);
      };
      const asking = setInterval(check, 20);
      const giveUp = setTimeout(() => {
        const seen = JSON.stringify([this.listed, this.source.view()]);
        finish(() => reject(new Error(`${what}: not within ${PATIENCE_MS} ms; ${seen}`)));
      }, PATIENCE_MS);
      this.#checks.add(check);
      check();
    });
  }

  untilListed(expected: Listed): Promise<void> {
    const wanted = JSON.stringify(sorted(expected));
    return this.until(`lists ${wanted}`, () => JSON.stringify(this.listed) === wanted);
  }

  #check(): void {
    for (const check of [...this.#checks]) check();
  }
}

export function addressesOf(snapshot: SourceSnapshot | undefined): Listed {
  return sorted(
    Object.fromEntries(
      [...(snapshot?.services ?? [])].map(([name, { endpoints }]) => [
        name,
        endpoints.map(({ address }) => address),
      ]),
    ),
  );
}

function sorted(listed: Listed): Listed {
  const entries = Object.entries(listed).filter(([, addresses]) => addresses.length > 0);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, list]) => [name, [...list].sort()]),
  );
}
