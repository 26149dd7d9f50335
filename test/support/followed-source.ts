import type { TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import type { Endpoint } from '../../src/core/endpoint.js';
import { type Announce, EventHub, type SourceEvent } from '../../src/core/events.js';
import { systemRandom } from '../../src/core/random.js';
import { createEtcdSource, type EtcdSourceOptions } from '../../src/discovery/etcd/source.js';
import type { Source, SourceView } from '../../src/discovery/source.js';
import { EtcdMembers, type EtcdMembersOptions } from '../../src/etcd/members.js';

const PATIENCE_MS = 15_000;

/** A source under test: started, listened to, and closed when the test ends. */
export interface FollowedSource<S extends Source = Source> {
  readonly source: S;
  readonly events: readonly SourceEvent[];
  endpoints(service: string): readonly Endpoint[];
  /** Resolves when these, and no others, are the addresses of the service. */
  addresses(service: string, expected: readonly string[]): Promise<void>;
  /** Resolves when `holds` does; it is asked after each snapshot and each event, and now and then. */
  until(what: string, holds: (view: SourceView, events: readonly SourceEvent[]) => boolean): Promise<void>;
}

type Options = Pick<EtcdSourceOptions, 'endpoints' | 'prefix'> & Partial<EtcdSourceOptions>;

/** Starts a source on real etcd. */
export function followSource(t: TestContext, options: Options): FollowedSource {
  return follow(t, (announce) =>
    createEtcdSource({ name: 'main', clock: systemClock, random: systemRandom, announce, ...options }),
  );
}

/** Starts the source that `make` makes. */
export function follow<S extends Source>(t: TestContext, make: (announce: Announce) => S): FollowedSource<S> {
  const hub = new EventHub();
  const events: SourceEvent[] = [];
  hub.on('source', (event) => events.push(event));
  const source = make(hub.announce);
  t.after(() => source.close());
  source.start();
  const endpoints = (service: string): readonly Endpoint[] =>
    source.snapshot()?.services.get(service)?.endpoints ?? [];
  const until = (what: string, holds: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const ends: (() => void)[] = [];
      const finish = (settle: () => void): void => {
        for (const end of ends) end();
        settle();
      };
      const check = (): void => {
        if (holds()) finish(resolve);
      };
      const asking = setInterval(check, 50);
      const giveUp = setTimeout(
        () =>
          finish(() =>
            reject(new Error(`${what}: not within ${PATIENCE_MS} ms; ${JSON.stringify(source.view())}`)),
          ),
        PATIENCE_MS,
      );
      ends.push(
        () => clearInterval(asking),
        () => clearTimeout(giveUp),
        hub.on('source', check),
      );
      ends.push(source.subscribe(check));
      check();
    });
  return {
    source,
    events,
    endpoints,
    until: (what, holds) => until(what, () => holds(source.view(), events)),
    addresses: (service, expected) =>
      until(`${service} is ${expected.join(' ')}`, () => {
        const actual = endpoints(service).map(({ address }) => address);
        return source.snapshot() !== undefined && actual.join() === [...expected].sort().join();
      }),
  };
}

/** A client of our own, closed when the test ends. */
export function openMembers(
  t: TestContext,
  options: Partial<EtcdMembersOptions> & { endpoints: string[] },
): EtcdMembers {
  const members = new EtcdMembers({ clock: systemClock, random: () => 0, ...options });
  t.after(() => members.close());
  return members;
}
