import type { JournalEntry } from '../../../core/views.js';
import { countText } from './format.js';

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

/** A journal entry in words. */
export interface JournalText {
  readonly tone: Tone;
  /** Whom it is about. */
  readonly subject: string;
  readonly what: string;
  readonly more: string;
}

export function journalText(entry: JournalEntry): JournalText {
  switch (entry.kind) {
    case 'membership':
      return membership(entry);
    case 'health':
      return {
        tone: entry.change === 'ejected' ? 'bad' : 'good',
        subject: `${entry.service} ${entry.address}`,
        what: entry.change,
        more: [entry.reason ?? [], entry.worker === undefined ? [] : `worker ${entry.worker}`]
          .flat()
          .join(', '),
      };
    case 'source':
      return {
        tone: SOURCE_TONES[entry.event] ?? 'plain',
        subject: `registry ${entry.source}`,
        what: entry.event,
        more: entry.detail,
      };
    case 'config':
      return {
        tone: entry.ok ? 'plain' : 'bad',
        subject: 'configuration',
        what: entry.ok ? `generation ${entry.generation}` : 'refused',
        more: entry.detail.join('; '),
      };
    default:
      return unknownKind(entry);
  }
}

type Of<K extends JournalEntry['kind']> = Extract<JournalEntry, { kind: K }>;

const SOURCE_TONES: Readonly<Record<Of<'source'>['event'], Tone>> = {
  connected: 'good',
  disconnected: 'bad',
  relisted: 'plain',
  drift: 'warn',
  'invalid-value': 'warn',
  fault: 'bad',
  degraded: 'bad',
  confirmed: 'good',
  'cold-start': 'warn',
  snapshot: 'warn',
};

function membership({
  change,
  state,
  cause,
  reason,
  service,
  address,
  endpointsLeft,
  leaseTtl,
  appliedMs,
}: Of<'membership'>): JournalText {
  const why = reason === undefined ? cause : `${cause}: ${reason}`;
  const tone = change === 'joined' ? 'good' : change === 'left' ? 'plain' : state === 'up' ? 'good' : 'warn';
  const what = change === 'changed' ? `now ${state}` : change;
  return {
    tone,
    subject: `${service} ${address}`,
    what,
    more: [
      why,
      countText(endpointsLeft, 'endpoint'),
      ...(leaseTtl === undefined ? [] : [`lease of ${leaseTtl} s`]),
      ...(appliedMs === undefined ? [] : [`applied in ${appliedMs.toFixed(1)} ms`]),
    ].join('; '),
  };
}

/** A gateway that was upgraded under an open page may tell of things that the page has no words for. */
function unknownKind(entry: never): JournalText {
  const { kind = 'event' } = entry as { readonly kind?: string };
  return { tone: 'plain', subject: kind, what: '', more: JSON.stringify(entry) };
}
