import { WatchgateError } from '../core/errors.js';
import { styleOfState } from './paint.js';
import { type Cell, type Column, drawTable, type Paper, PIPE } from './table.js';

/** One endpoint as the admin API shows it, with its service. Further members are kept as they came. */
export interface EndpointRow {
  readonly service: string;
  readonly address: string;
  readonly state: string;
  readonly inFlight: number;
  readonly requests: number;
  readonly failures: number;
  readonly latencyEwmaMs: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Flattens what `/api/services` answers. Throws ADMIN_UNREACHABLE when it is something else. */
export function readRows(services: unknown): EndpointRow[] {
  if (!Array.isArray(services)) throw notWatchgate();
  return services.flatMap((service: unknown) => {
    if (!isRecord(service) || typeof service['name'] !== 'string' || !Array.isArray(service['endpoints'])) {
      throw notWatchgate();
    }
    return service['endpoints'].map((endpoint: unknown) => readRow(service['name'], endpoint));
  });
}

function readRow(service: unknown, endpoint: unknown): EndpointRow {
  const row: unknown = isRecord(endpoint) ? { service, ...endpoint } : undefined;
  if (!isEndpointRow(row)) throw notWatchgate();
  return row;
}

function isEndpointRow(row: unknown): row is EndpointRow {
  return (
    isRecord(row) &&
    ['service', 'address', 'state'].every((name) => typeof row[name] === 'string') &&
    ['inFlight', 'requests', 'failures', 'latencyEwmaMs', 'since'].every(
      (name) => typeof row[name] === 'number',
    )
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function notWatchgate(): WatchgateError {
  return new WatchgateError(
    'ADMIN_UNREACHABLE',
    'the answer is not from a Watchgate admin port of this version',
  );
}

const COLUMNS: readonly Column[] = [
  { heading: 'SERVICE', least: 8 },
  { heading: 'ADDRESS', least: 12 },
  { heading: 'STATE' },
  { heading: 'IN-FLIGHT', numeric: true, dispensable: 2 },
  { heading: 'REQUESTS', numeric: true, dispensable: 3 },
  { heading: 'FAILURES', numeric: true, dispensable: 1 },
  { heading: 'LATENCY', numeric: true, dispensable: 4 },
  { heading: 'AGE', numeric: true, dispensable: 5 },
];

/** Aligned lines, the heading first. `now` is milliseconds since the epoch. */
export function formatTable(rows: readonly EndpointRow[], now: number, paper: Paper = PIPE): string[] {
  return drawTable(
    COLUMNS,
    rows.map((row) => cells(row, now)),
    paper,
  );
}

function cells(row: EndpointRow, now: number): Cell[] {
  return [
    { text: printable(row.service) },
    { text: printable(row.address), keepsEnd: true },
    { text: printable(row.state), style: styleOfState(row.state) },
    { text: String(row.inFlight) },
    { text: String(row.requests) },
    { text: String(row.failures) },
    { text: `${row.latencyEwmaMs.toFixed(1)}ms` },
    { text: formatAge(now - row.since) },
  ];
}

/** `45s`, `12m`, `7h`, `3d`: the largest unit that makes at least one. Clocks may differ: never negative. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Without control and formatting characters: a service name must not be able to drive the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
