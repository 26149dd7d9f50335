import { printable } from './endpoint-rows.js';
import { styleOfState } from './paint.js';
import { type Cell, type Column, drawTable, type Paper } from './table.js';
import type { TopEndpoint, TopService } from './top-rates.js';

/** What services, and endpoints within their service, are ordered by: the most first, names from A. */
export const SORT_KEYS = {
  n: 'name',
  r: 'requests',
  e: 'errors',
  p: 'p99',
} as const;

export type SortOrder = (typeof SORT_KEYS)[keyof typeof SORT_KEYS];

export const SORT_ORDERS: readonly SortOrder[] = Object.values(SORT_KEYS);

const COLUMNS: readonly Column[] = [
  { heading: 'SERVICE', least: 12 },
  { heading: 'STATE', dispensable: 2 },
  { heading: 'REQ/S', numeric: true },
  { heading: 'ERRORS', numeric: true },
  { heading: 'P99', numeric: true, dispensable: 1 },
  { heading: 'LATENCY', numeric: true, dispensable: 3 },
  { heading: 'IN-FLIGHT', numeric: true, dispensable: 4 },
];

/** Errors below this share are there to be seen, above it to be looked at. */
const MANY_ERRORS = 0.01;

export function sortServices(services: readonly TopService[], order: SortOrder): TopService[] {
  return services
    .map((one) => ({ ...one, endpoints: one.endpoints.toSorted(endpointOrder(order)) }))
    .sort(serviceOrder(order));
}

function serviceOrder(order: SortOrder): (a: TopService, b: TopService) => number {
  const byName = (a: TopService, b: TopService): number => compareText(a.service, b.service);
  if (order === 'name') return byName;
  const value = ({ requestsPerSecond, errorShare, p99Ms }: TopService): number =>
    ({ requests: requestsPerSecond, errors: errorShare ?? -1, p99: p99Ms ?? -1 })[order];
  return (a, b) => value(b) - value(a) || byName(a, b);
}

/** Endpoints have no p99, so the average stands in. */
function endpointOrder(order: SortOrder): (a: TopEndpoint, b: TopEndpoint) => number {
  const byName = (a: TopEndpoint, b: TopEndpoint): number => compareText(a.address, b.address);
  if (order === 'name') return byName;
  const value = ({ requestsPerSecond, errorShare, latencyMs }: TopEndpoint): number =>
    ({ requests: requestsPerSecond, errors: errorShare ?? -1, p99: latencyMs })[order];
  return (a, b) => value(b) - value(a) || byName(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Aligned lines, the heading first; each service above its endpoints. */
export function formatTop(services: readonly TopService[], paper: Paper): string[] {
  const rows = services.flatMap((one) => [serviceCells(one), ...one.endpoints.map(endpointCells)]);
  return drawTable(COLUMNS, rows, paper);
}

function serviceCells({ service, requestsPerSecond, errorShare, p99Ms, inFlight }: TopService): Cell[] {
  return [
    { text: printable(service), style: 'bold' },
    { text: '' },
    { text: formatRate(requestsPerSecond) },
    errorCell(errorShare),
    { text: formatMs(p99Ms) },
    { text: '' },
    { text: String(inFlight) },
  ];
}

function endpointCells(endpoint: TopEndpoint): Cell[] {
  const { address, state, requestsPerSecond, errorShare, latencyMs, inFlight } = endpoint;
  return [
    { text: `  ${printable(address)}`, keepsEnd: true },
    { text: printable(state), style: styleOfState(state) },
    { text: formatRate(requestsPerSecond) },
    errorCell(errorShare),
    { text: '' },
    { text: formatMs(latencyMs) },
    { text: String(inFlight) },
  ];
}

function errorCell(share: number | null): Cell {
  if (share === null) return { text: '-', style: 'dim' };
  const style = share === 0 ? undefined : share < MANY_ERRORS ? 'yellow' : 'red';
  return { text: `${formatShare(share)}%`, style };
}

/** Two digits tell more than enough; what is not nothing is never shown as nothing. */
function formatShare(share: number): string {
  const percent = share * 100;
  if (percent === 0 || percent >= 9.95) return percent.toFixed(0);
  return percent < 0.05 ? '<0.1' : percent.toFixed(1);
}

function formatRate(perSecond: number): string {
  return perSecond === 0 || perSecond >= 99.95 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

function formatMs(milliseconds: number | null): string {
  if (milliseconds === null) return '-';
  return milliseconds < 10_000
    ? `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)}ms`
    : `${(milliseconds / 1000).toFixed(1)}s`;
}
