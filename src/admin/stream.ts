import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../core/clock.js';
import type { GatewayViews, JournalEntry, JournalView } from '../core/views.js';
import { AdminProblem } from './problems.js';
import { takeSnapshot } from './snapshot.js';

export interface StreamLimits {
  /** Least time between snapshots after changes. */
  readonly changeMs: number;
  /** Time between snapshots for the counters, when nothing else changes. */
  readonly refreshMs: number;
  readonly heartbeatMs: number;
  /** Unsent bytes beyond the newest snapshot at which a client is dropped. */
  readonly maxBufferedBytes: number;
  readonly maxClients: number;
}

export const STREAM_LIMITS: StreamLimits = {
  changeMs: 250,
  refreshMs: 1_000,
  heartbeatMs: 15_000,
  maxBufferedBytes: 1024 * 1024,
  maxClients: 64,
};

/** Making snapshots may take this share of the time: with 100,000 endpoints they come less often. */
const MAX_SHARE = 0.05;

interface Client {
  readonly response: ServerResponse;
  /** The newest snapshot written to it. */
  snapshot: string;
  /** Had unsent bytes at the last heartbeat. */
  lagging: boolean;
}

export interface StreamSettings {
  readonly views: GatewayViews;
  /** Brings them up to date. Must not reject. */
  readonly refresh: () => Promise<void>;
  readonly journal: JournalView;
  readonly clock: Clock;
  readonly limits: StreamLimits;
}

/**
 * Server-sent events for any number of viewers: a `snapshot` at the start and after changes, and each
 * journal entry as an event of its kind. A snapshot is made once for all, and skipped for a client that
 * has not read the one before; one that does not read at all is dropped. Idle without clients.
 */
export class EventStream {
  readonly #settings: StreamSettings;
  readonly #clients = new Set<Client>();
  #unsubscribe: (() => void) | undefined;
  #snapshotTimer: Timer | undefined;
  #snapshotDue = 0;
  #heartbeat: Timer | undefined;
  /** When the last snapshot was made, and how long that took, on the monotonic clock. */
  #madeAt = 0;
  #cost = 0;

  constructor(settings: StreamSettings) {
    this.#settings = settings;
  }

  /** Starts streaming to a client. Throws TOO_MANY_STREAMS. The stream owns the response from then on. */
  add(response: ServerResponse): void {
    if (this.#clients.size >= this.#settings.limits.maxClients) {
      throw new AdminProblem('TOO_MANY_STREAMS', 'Too many streams are open.');
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    const client: Client = { response, snapshot: '', lagging: false };
    this.#clients.add(client);
    response.once('close', () => this.#forget(client));
    response.on('error', () => this.#forget(client));
    void this.#makeSnapshot().then((snapshot) => this.#offer(client, snapshot));
    if (this.#clients.size === 1) this.#start();
  }

  /** Ends every client's stream. */
  close(): void {
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
    this.#stop();
  }

  #start(): void {
    this.#unsubscribe = this.#settings.journal.subscribe((entry) => this.#announce(entry));
    this.#heartbeat = this.#settings.clock.after(this.#settings.limits.heartbeatMs, () => this.#beat());
    this.#schedule(this.#settings.limits.refreshMs);
  }

  #stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#heartbeat?.cancel();
    this.#snapshotTimer?.cancel();
    this.#snapshotTimer = undefined;
  }

  #announce(entry: JournalEntry): void {
    const text = `event: ${entry.kind}\ndata: ${JSON.stringify(entry)}\n\n`;
    for (const client of this.#clients) this.#write(client, text);
    this.#schedule(this.#settings.limits.changeMs);
  }

  /** The next snapshot comes `afterMs` after the last one, or as soon as their cost allows. */
  #schedule(afterMs: number): void {
    const { clock } = this.#settings;
    const due = this.#madeAt + Math.max(afterMs, this.#cost / MAX_SHARE);
    if (this.#snapshotTimer !== undefined && this.#snapshotDue <= due) return;
    this.#snapshotTimer?.cancel();
    this.#snapshotDue = due;
    this.#snapshotTimer = clock.after(Math.max(0, due - clock.monotonic()), () => {
      this.#snapshotTimer = undefined;
      void this.#offerAll();
    });
  }

  async #offerAll(): Promise<void> {
    const snapshot = await this.#makeSnapshot();
    for (const client of this.#clients) this.#offer(client, snapshot);
    if (this.#clients.size > 0) this.#schedule(this.#settings.limits.refreshMs);
  }

  async #makeSnapshot(): Promise<string> {
    const { clock, views, refresh } = this.#settings;
    this.#madeAt = clock.monotonic();
    await refresh();
    const text = `event: snapshot\ndata: ${JSON.stringify(takeSnapshot(views))}\n\n`;
    this.#cost = clock.monotonic() - this.#madeAt;
    return text;
  }

  #offer(client: Client, snapshot: string): void {
    if (!this.#clients.has(client) || client.snapshot === snapshot || client.response.writableLength > 0)
      return;
    client.snapshot = snapshot;
    this.#write(client, snapshot);
  }

  #write({ response, snapshot }: Client, text: string): void {
    response.write(text);
    const allowed = this.#settings.limits.maxBufferedBytes + Buffer.byteLength(snapshot);
    if (response.writableLength > allowed) response.destroy();
  }

  /** A comment keeps proxies from closing an idle stream, and shows which clients do not read. */
  #beat(): void {
    for (const client of this.#clients) {
      const behind = client.response.writableLength > 0;
      if (behind && client.lagging) client.response.destroy();
      else client.response.write(': heartbeat\n\n');
      client.lagging = behind;
    }
    this.#heartbeat = this.#settings.clock.after(this.#settings.limits.heartbeatMs, () => this.#beat());
  }

  #forget(client: Client): void {
    if (this.#clients.delete(client) && this.#clients.size === 0) this.#stop();
  }
}
