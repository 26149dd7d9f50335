import { Backoff } from '../core/backoff.js';
import { type Clock, delay } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import type { AdminClient } from './admin-client.js';
import { KnownEndpoints, readChange, readHealth } from './endpoint-changes.js';
import { isRecord, readRows } from './endpoint-rows.js';
import type { WatchView } from './watch-views.js';

export interface WatchSettings {
  readonly client: AdminClient;
  /** Only this service's endpoints; undefined for all. */
  readonly service: string | undefined;
  readonly view: WatchView;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the watching. */
  readonly signal: AbortSignal;
}

/**
 * Follows the stream until `signal` aborts, through restarts of the gateway. Throws when the first
 * connection fails (a wrong URL is not worth waiting for), and whenever the token is refused.
 */
export async function watchEndpoints(settings: WatchSettings): Promise<void> {
  const { view, clock, random, signal } = settings;
  const backoff = new Backoff({ minMs: 100, maxMs: 2_000 }, random);
  const known = new KnownEndpoints();
  let reached = false;
  while (!signal.aborted) {
    let reason = 'the gateway ended the stream';
    try {
      await followOnce(settings, known, () => {
        reached = true;
        backoff.reset();
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof WatchgateError) || error.code !== 'ADMIN_UNREACHABLE' || !reached) throw error;
      reason = error.message;
    }
    if (signal.aborted) return;
    view.lost(reason);
    await delay(clock, backoff.next(), signal);
  }
}

async function followOnce(
  { client, service, view, clock, signal }: WatchSettings,
  known: KnownEndpoints,
  onReached: () => void,
): Promise<void> {
  const wanted = (one: { readonly service: string }): boolean =>
    service === undefined || one.service === service;
  let connected = false;
  for await (const { kind, data } of client.stream(signal)) {
    if (kind === 'snapshot') {
      const rows = readRows(isRecord(data) ? data['services'] : undefined).filter(wanted);
      view.show(rows, connected ? [] : known.compare(rows, clock.now()));
      known.replace(rows);
      connected = true;
      onReached();
    } else if (kind === 'membership' || kind === 'health') {
      const change = kind === 'health' ? readHealth(data) : readChange(data);
      if (change === undefined || !wanted(change)) continue;
      known.apply(change);
      view.change(change);
    }
  }
}
