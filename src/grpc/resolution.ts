import type { Endpoint } from '../core/endpoint.js';
import type { Source } from '../discovery/source.js';

/** What a channel is told: where its service is, or why that is not known. */
export type Resolution =
  | { readonly addresses: readonly ServerAddress[] }
  | {
      readonly failure: string;
      /** Whether the registry says that there is no server, so that those known before are to be forgotten. */
      readonly empty: boolean;
    };

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * What a source knows of one of its services, or of all of them. Undefined while there is nothing to tell: the
 * registry has not answered yet, and has not failed either.
 */
export function resolutionOf(source: Source, service: string | undefined): Resolution | undefined {
  const snapshot = source.snapshot();
  if (snapshot === undefined) {
    const { lastError } = source.view();
    return lastError === null
      ? undefined
      : { failure: `no answer from the registry: ${lastError}`, empty: false };
  }
  const sets = service === undefined ? [...snapshot.services.values()] : [snapshot.services.get(service)];
  const endpoints = sets.flatMap((set) => set?.endpoints ?? []);
  if (endpoints.length === 0) return { failure: 'no server is registered', empty: true };
  // A server that is leaving finishes what it has: grpc-js lets the calls on a dropped connection end.
  const staying = endpoints.filter(({ standing }) => standing !== 'draining');
  if (staying.length === 0)
    return { failure: `all ${endpoints.length} registered servers are leaving`, empty: true };
  return { addresses: distinct(staying) };
}

function distinct(endpoints: readonly Endpoint[]): ServerAddress[] {
  const byAddress = new Map(endpoints.map(({ address, host, port }) => [address, { host, port }]));
  return [...byAddress.values()];
}

/** Whether a channel that was told `a` need not be told `b`. */
export function sameResolution(a: Resolution | undefined, b: Resolution): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
