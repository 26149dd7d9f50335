import { type Address, parseAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import { type Endpoint, type EndpointSet, endpointSet } from '../core/endpoint.js';
import { WatchgateError } from '../core/errors.js';
import { Snapshots } from './snapshots.js';
import type { SnapshotListener, Source, SourceSnapshot, SourceView } from './source.js';

export interface StaticSourceOptions {
  readonly name: string;
  readonly clock: Clock;
}

/** A source whose list is set by the program that holds it. Complete from the start. */
export interface StaticSource extends Source {
  /**
   * Replaces the endpoints of a service; none removes it. Addresses are `host:port`.
   * Throws CONFIG_INVALID for what is no address, and then changes nothing.
   */
  setEndpoints(service: string, addresses: readonly string[]): void;
}

export function createStaticSource(options: StaticSourceOptions): StaticSource {
  const { name, clock } = options;
  const snapshots = new Snapshots();
  let services: ReadonlyMap<string, EndpointSet> = new Map();
  let revision = 0;

  const publish = (next: ReadonlyMap<string, EndpointSet>, changed: ReadonlySet<string>): void => {
    services = next;
    revision += 1;
    snapshots.publish({ services, revision: String(revision), changed });
  };
  publish(services, new Set());

  return {
    name,
    start: () => {},
    snapshot: (): SourceSnapshot | undefined => snapshots.current,
    subscribe: (listener: SnapshotListener) => snapshots.subscribe(listener),
    view: () => viewOf(name, services, revision),
    close: async () => {},
    setEndpoints(service, addresses) {
      const before = services.get(service);
      const distinct = new Map(addresses.map(readAddress).map((address) => [address.text, address]));
      const endpoints = [...distinct.values()].map((address) =>
        endpointAt(address, before, revision + 1, clock),
      );
      const next = new Map(services);
      if (endpoints.length === 0) next.delete(service);
      else next.set(service, endpointSet(service, endpoints));
      publish(next, new Set([service]));
    },
  };
}

function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (typeof address === 'string')
    throw new WatchgateError('CONFIG_INVALID', `endpoint "${text}" ${address}`);
  return address;
}

function endpointAt(
  address: Address,
  before: EndpointSet | undefined,
  revision: number,
  clock: Clock,
): Endpoint {
  return (
    before?.endpoints.find((endpoint) => endpoint.address === address.text) ?? {
      address: address.text,
      host: address.host,
      port: address.port,
      weight: 1,
      zone: undefined,
      metadata: {},
      standing: 'listed',
      keys: [address.text],
      revision: String(revision),
      lease: '',
      since: clock.now(),
    }
  );
}

function viewOf(name: string, services: ReadonlyMap<string, EndpointSet>, revision: number): SourceView {
  const sets = [...services.values()];
  return {
    source: name,
    type: 'static',
    connected: true,
    ready: true,
    member: null,
    revision: String(revision),
    confirmedMsAgo: 0,
    drift: 0,
    services: sets.length,
    endpoints: sets.reduce((sum, set) => sum + set.endpoints.length, 0),
    invalidValues: [],
    lastError: null,
  };
}
