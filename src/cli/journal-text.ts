import type { JournalEntry } from '../core/views.js';
import { isRecord, printable } from './endpoint-rows.js';
import { type Paint, plain, type Style } from './paint.js';

type PlacedEntry = Extract<JournalEntry, { kind: 'membership' | 'health' }>;

const SUBJECTS: Record<JournalEntry['kind'], readonly string[]> = {
  membership: ['service', 'address', 'change', 'state', 'cause', 'key', 'revision'],
  health: ['service', 'address', 'change', 'key', 'revision'],
  source: ['source', 'event', 'detail'],
  config: [],
};

/** Whether something is a journal entry of a kind known here. */
export function isJournalEntry(value: unknown): value is JournalEntry {
  if (!isRecord(value) || typeof value['at'] !== 'number') return false;
  const [, strings] = Object.entries(SUBJECTS).find(([kind]) => kind === value['kind']) ?? [];
  if (strings?.every((name) => typeof value[name] === 'string') !== true) return false;
  return value['kind'] !== 'config' || (typeof value['ok'] === 'boolean' && Array.isArray(value['detail']));
}

/** `2026-01-02T03:04:05.678Z  goods 10.0.0.5:80 joined: registered; up, 3 endpoints (key …, revision 42)` */
export function formatEntry(entry: JournalEntry, paint: Paint = plain): string {
  return `${paint(new Date(entry.at).toISOString(), 'dim')}  ${paint(describeEntry(entry), styleOf(entry))}`;
}

const WORRYING: ReadonlySet<string> = new Set([
  'disconnected',
  'fault',
  'degraded',
  'drift',
  'invalid-value',
  'snapshot',
  'cold-start',
]);

/** What takes something away or may do so stands out; what is as wanted does not. */
function styleOf(entry: JournalEntry): Style | undefined {
  switch (entry.kind) {
    case 'membership':
      if (entry.change === 'joined') return 'green';
      return entry.cause === 'held' || entry.cause === 'draining'
        ? 'yellow'
        : entry.change === 'left'
          ? 'red'
          : undefined;
    case 'health':
      return entry.change === 'ejected' ? 'red' : 'green';
    case 'source':
      return WORRYING.has(entry.event) ? 'yellow' : undefined;
    case 'config':
      return entry.ok ? undefined : 'red';
  }
}

/** The same without its time; one line without control characters. */
export function describeEntry(entry: JournalEntry): string {
  return printable(sentence(entry));
}

function sentence(entry: JournalEntry): string {
  switch (entry.kind) {
    case 'membership': {
      const { service, address, change, cause, reason, state, endpointsLeft } = entry;
      const why = reason === undefined ? cause : `${cause}, ${reason}`;
      const count = endpointsLeft === 1 ? '1 endpoint' : `${endpointsLeft} endpoints`;
      return `${service} ${address} ${change}: ${why}; ${state}, ${count} (${placeOf(entry)})`;
    }
    case 'health': {
      const { service, address, change, reason, worker, eligibleLeft } = entry;
      const found = worker === undefined ? '' : `, found by worker ${worker}`;
      const left =
        eligibleLeft === 1 ? '1 endpoint takes requests' : `${eligibleLeft} endpoints take requests`;
      return `${service} ${address} ${change}${reason === null ? '' : `: ${reason}`}${found}; ${left} (${placeOf(entry)})`;
    }
    case 'source':
      return `registry ${entry.source} ${entry.event}${entry.detail === '' ? '' : `: ${entry.detail}`}`;
    case 'config': {
      const { ok, generation, detail } = entry;
      const what = ok ? `generation ${generation}` : `refused, generation ${generation} stays`;
      return `configuration ${what}${detail.length === 0 ? '' : `: ${detail.join('; ')}`}`;
    }
  }
}

/** `key …, revision 42, lease 694d…, granted 3 s, applied in 0.4 ms`, as far as it is known. */
function placeOf({ key, revision, lease, leaseTtl, appliedMs }: PlacedEntry): string {
  return [
    `key ${key}`,
    ...(revision === '' ? [] : [`revision ${revision}`]),
    ...(lease === undefined ? [] : [`lease ${leaseName(lease)}`]),
    ...(leaseTtl === undefined ? [] : [`granted ${leaseTtl} s`]),
    ...(appliedMs === undefined ? [] : [`applied in ${appliedMs.toFixed(1)} ms`]),
  ].join(', ');
}

/** As etcdctl writes it. */
function leaseName(decimal: string): string {
  return /^\d+$/.test(decimal) ? BigInt(decimal).toString(16) : decimal;
}
