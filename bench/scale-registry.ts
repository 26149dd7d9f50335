import type { IRequestOp } from 'etcd3/lib/rpc.js';
import type { Stage } from './stage.js';

export interface RegistrySize {
  readonly services: number;
  readonly endpoints: number;
}

export const LARGE: RegistrySize = { services: 1000, endpoints: 10_000 };
/** With the one that tells that all are applied, 5,000 changes. */
const NEWCOMERS = 4999;

/** One of a transaction. */
export type Change = IRequestOp;

export function put(key: string, value: string): Change {
  return { request_put: { key: Buffer.from(key), value: Buffer.from(value) } };
}

export function remove(key: string): Change {
  return { request_delete_range: { key: Buffer.from(key) } };
}

function filler(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}:8080`;
}

function serviceOf(index: number, services: number): string {
  return `service-${index % services}`;
}

/** Of two services that answer, one at an address that says something else, and of others that are only registered. */
export function registrations(
  { endpoints }: Stage,
  prefix: string,
  { services, endpoints: count }: RegistrySize,
): readonly Change[] {
  const rest = Array.from({ length: count - 2 }, (_, index) =>
    put(`${prefix}/${serviceOf(index, services - 2)}/host-${index}`, filler(index)),
  );
  return [
    put(`${prefix}/answering/host`, endpoints.fast[0] ?? ''),
    put(`${prefix}/last/host`, endpoints.websocket),
    ...rest,
  ];
}

/** Endpoints that join services of a large registry, with their keys. */
export function newcomers(prefix: string): {
  readonly keys: readonly string[];
  readonly joining: readonly Change[];
} {
  const keys = Array.from(
    { length: NEWCOMERS },
    (_, index) => `${prefix}/${serviceOf(index, LARGE.services - 2)}/burst-${index}`,
  );
  return { keys, joining: keys.map((key, index) => put(key, filler(LARGE.endpoints + index))) };
}
