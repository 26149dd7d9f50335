import { Backoff } from '../core/backoff.js';
import { type Clock, delay } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import type { JournalEntry } from '../core/views.js';
import type { AdminClient } from './admin-client.js';
import { isJournalEntry } from './journal-text.js';

export interface FollowSettings {
  readonly client: AdminClient;
  readonly service: string | undefined;
  /** Milliseconds since the epoch; undefined for what the gateway gives by itself. */
  readonly since: number | undefined;
  readonly show: (entry: JournalEntry) => void;
  /** The connection broke; it is being made again. */
  readonly lost: (reason: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the following. */
  readonly signal: AbortSignal;
}

/** Most that a gateway gives at once; as many are remembered, to tell what has been shown. */
const MOST_ENTRIES = 10_000;

/** What the gateway's journal holds, oldest first. Throws as AdminClient does. */
export async function readJournal(
  client: AdminClient,
  service: string | undefined,
  since: number | undefined,
): Promise<JournalEntry[]> {
  const query = new URLSearchParams();
  if (service !== undefined) query.set('service', service);
  if (since !== undefined) {
    query.set('since', String(Math.max(0, Math.floor(since))));
    query.set('limit', String(MOST_ENTRIES));
  }
  const answer = await client.get(`/api/events?${query}`);
  if (Array.isArray(answer)) return answer.filter(isJournalEntry);
  throw new WatchgateError('ADMIN_UNREACHABLE', 'the answer is not from a Watchgate admin port');
}

/**
 * Shows the journal and then each new entry until `signal` aborts, through restarts of the gateway:
 * after a broken connection first what was missed. Throws when the first connection fails.
 */
export async function followJournal(settings: FollowSettings): Promise<void> {
  const { clock, random, signal, lost } = settings;
  const backoff = new Backoff({ minMs: 100, maxMs: 2_000 }, random);
  const shown = new ShownEntries(settings.show);
  while (!signal.aborted) {
    let reason = 'the gateway ended the stream';
    try {
      await followOnce(settings, shown);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof WatchgateError) || error.code !== 'ADMIN_UNREACHABLE' || !shown.begun)
        throw error;
      reason = error.message;
    }
    if (signal.aborted) return;
    if (shown.fresh) backoff.reset();
    lost(reason);
    shown.fresh = false;
    await delay(clock, backoff.next(), signal);
  }
}

/** The stream is opened before the journal is read, so that nothing falls in between. */
async function followOnce(
  { client, service, since, signal }: FollowSettings,
  shown: ShownEntries,
): Promise<void> {
  for await (const { kind, data } of client.stream(signal)) {
    if (!shown.fresh && kind === 'snapshot') {
      for (const entry of await readJournal(client, service, shown.begun ? shown.newest : since))
        shown.add(entry);
      shown.begun = true;
      shown.fresh = true;
    } else if (
      isJournalEntry(data) &&
      (service === undefined || ('service' in data && data.service === service))
    ) {
      shown.add(data);
    }
  }
}

/** Shows each entry once, however often it comes. */
class ShownEntries {
  /** Whether the journal has been read at all, and on this connection. */
  begun = false;
  fresh = false;
  /** Milliseconds since the epoch. */
  newest = 0;
  readonly #show: (entry: JournalEntry) => void;
  readonly #known = new Set<string>();

  constructor(show: (entry: JournalEntry) => void) {
    this.#show = show;
  }

  add(entry: JournalEntry): void {
    const text = JSON.stringify(entry);
    if (this.#known.has(text)) return;
    this.#known.add(text);
    this.newest = Math.max(this.newest, entry.at);
    const [oldest] = this.#known;
    if (this.#known.size > 2 * MOST_ENTRIES && oldest !== undefined) this.#known.delete(oldest);
    this.#show(entry);
  }
}
