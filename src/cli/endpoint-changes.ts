import { type EndpointRow, isRecord, printable } from './endpoint-rows.js';

/** A line of `endpoints --watch`: what is there at the start, then what changes. */
export interface EndpointChange {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly change: 'listed' | 'joined' | 'left' | 'changed';
  readonly service: string;
  readonly address: string;
  readonly state: string;
  /** The gateway's cause; `reconnected` for what changed while nobody was listening. */
  readonly cause: string;
}

const MARKS = { listed: '=', joined: '+', left: '-', changed: '~' } as const;

/** Reads a `membership` event of the stream; undefined when it is of a kind not known here. */
export function readChange(data: unknown): EndpointChange | undefined {
  if (!isRecord(data)) return undefined;
  const { at, change, service, address, state, cause } = data;
  if (change !== 'joined' && change !== 'left' && change !== 'changed') return undefined;
  if (typeof at !== 'number' || typeof service !== 'string' || typeof address !== 'string') return undefined;
  if (typeof state !== 'string' || typeof cause !== 'string') return undefined;
  return { at, change, service, address, state, cause };
}

/** Reads a `health` event: an endpoint was taken out, or is back. */
export function readHealth(data: unknown): EndpointChange | undefined {
  if (!isRecord(data)) return undefined;
  const { change, reason } = data;
  const out = change === 'ejected';
  return readChange({
    ...data,
    change: 'changed',
    state: out ? 'ejected' : 'up',
    cause: out ? reason : 'recovered',
  });
}

/** `+ 2026-01-02T03:04:05.678Z goods 10.0.0.5:80 joined, up (registered)` */
export function formatChange({ at, change, service, address, state, cause }: EndpointChange): string {
  const time = new Date(at).toISOString();
  return printable(`${MARKS[change]} ${time} ${service} ${address} ${change}, ${state} (${cause})`);
}

type Told = Pick<EndpointRow, 'service' | 'address' | 'state'>;

/** Knows what has been told, so that after a broken connection only what differs is told. */
export class KnownEndpoints {
  #known = new Map<string, Told>();
  #first = true;

  /** Takes an event into account. */
  apply({ change, service, address, state }: EndpointChange): void {
    const told = { service, address, state };
    if (change === 'left') this.#known.delete(keyOf(told));
    else this.#known.set(keyOf(told), told);
  }

  /** Takes a snapshot as the truth. Events have told of what it changes. */
  replace(rows: readonly EndpointRow[]): void {
    this.#known = new Map(rows.map((row) => [keyOf(row), row]));
    this.#first = false;
  }

  /** What a snapshot at the start of a connection tells that has not been told. */
  compare(rows: readonly EndpointRow[], at: number): EndpointChange[] {
    if (this.#first) return rows.map((row) => changeOf(row, 'listed', 'snapshot', at));
    const now = new Map(rows.map((row) => [keyOf(row), row]));
    const gone = [...this.#known]
      .filter(([key]) => !now.has(key))
      .map(([, row]) => ({ ...row, state: 'gone' }));
    const fresh = rows.filter((row) => !this.#known.has(keyOf(row)));
    const other = rows.filter((row) => (this.#known.get(keyOf(row)) ?? row).state !== row.state);
    return [
      ...gone.map((row) => changeOf(row, 'left', 'reconnected', at)),
      ...fresh.map((row) => changeOf(row, 'joined', 'reconnected', at)),
      ...other.map((row) => changeOf(row, 'changed', 'reconnected', at)),
    ];
  }
}

function changeOf(
  { service, address, state }: Told,
  change: EndpointChange['change'],
  cause: string,
  at: number,
): EndpointChange {
  return { at, change, service, address, state, cause };
}

/** A space is in no address. */
function keyOf({ service, address }: Told): string {
  return `${address} ${service}`;
}
