import type { ConfigView, JournalEntry, Readiness, RegistryView, RouteView } from '../../../core/views.js';
import type { StreamSnapshot } from '../../snapshot.js';
import { AdminApi, Locked } from './admin-api.js';
import { Fleet, type ServiceLine } from './fleet.js';
import { countText } from './format.js';
import { Inquiry, type InquiryState } from './inquiry.js';
import { journalText } from './journal-text.js';
import { LiveStream } from './live-stream.js';

export type Connection =
  | { readonly kind: 'connecting' | 'live' }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'locked'; readonly wrong: boolean };

/** Numbered in the order in which they came, so that each keeps its place on the page. */
export interface NumberedEntry {
  readonly id: number;
  readonly entry: JournalEntry;
}

/** Everything the page shows, at one moment. */
export interface Picture {
  readonly connection: Connection;
  readonly readiness: Readiness | null;
  readonly registries: readonly RegistryView[];
  /** How old the registries' ages are, milliseconds. */
  readonly snapshotAgeMs: number;
  readonly services: readonly ServiceLine[];
  readonly routes: readonly RouteView[];
  readonly config: ConfigView | null;
  /** Newest first. */
  readonly journal: readonly NumberedEntry[];
  readonly inquiry: InquiryState;
  /** What went wrong with a thing that was asked for; empty when nothing did. */
  readonly complaint: string;
  /** What became of endpoints lately, in words for those who do not see it. */
  readonly news: string;
}

const JOURNAL_SHOWN = 200;
const TICK_MS = 1_000;
/** A screen reader needs time for a sentence: what comes faster than that is only counted. */
const NEWS_EVERY_MS = 4_000;

/** What the page knows, and what can be done from it. Tells `draw` after each change, at most once a frame. */
export class Dashboard {
  readonly #api = new AdminApi();
  readonly inquiry = new Inquiry(this.#api, { changed: () => this.#changed(), locked: () => this.#lock() });
  readonly #fleet = new Fleet();
  readonly #stream: LiveStream;
  readonly #draw: (picture: Picture) => void;
  #connection: Connection = { kind: 'connecting' };
  #snapshot: StreamSnapshot | undefined;
  #snapshotAt = 0;
  #routes: readonly RouteView[] = [];
  #routedFor = '';
  #config: ConfigView | null = null;
  #journal: readonly NumberedEntry[] = [];
  #entries = 0;
  #complaint = '';
  #news = '';
  #newsAt = Number.NEGATIVE_INFINITY;
  #untold: JournalEntry[] = [];
  #frame = 0;

  constructor(draw: (picture: Picture) => void) {
    this.#draw = draw;
    this.#stream = new LiveStream(this.#api, {
      opened: () => this.#opened(),
      snapshot: (snapshot) => this.#took(snapshot),
      entry: (entry) => this.#heard(entry),
      cut: () => this.#cut(),
      locked: () => this.#lock(),
    });
  }

  /** Begins, and goes on for as long as the page is open. */
  start(): void {
    void this.#stream.follow();
    setInterval(() => this.#tick(), TICK_MS);
    this.#changed();
  }

  unlock(token: string): void {
    this.#api.setToken(token);
    this.#connection = { kind: 'connecting' };
    this.#changed();
    void this.#stream.follow();
    this.inquiry.unlocked();
  }

  /** Resolves when the gateway has answered; what it refused is shown as a complaint. */
  async drain(service: string, address: string, verb: 'drain' | 'undrain'): Promise<void> {
    this.#complaint = '';
    try {
      await this.#api.drain(service, address, verb);
    } catch (error) {
      if (error instanceof Locked) this.#lock();
      else this.#complaint = `${address} of ${service} could not be ${verb}ed: ${reasonOf(error)}`;
    }
    this.#changed();
  }

  dismiss(): void {
    this.#complaint = '';
    this.#changed();
  }

  #opened(): void {
    this.#connection = { kind: 'live' };
    this.#routedFor = '';
    this.#quietly(this.#readJournal());
    this.#quietly(this.#readConfig());
    this.#changed();
  }

  #took(snapshot: StreamSnapshot): void {
    this.#snapshot = snapshot;
    this.#snapshotAt = performance.now();
    this.#fleet.take(snapshot.services, this.#snapshotAt);
    const routedFor = JSON.stringify(snapshot.services.map(({ name, routes }) => [name, routes]));
    if (routedFor !== this.#routedFor) {
      this.#routedFor = routedFor;
      this.#quietly(this.#readRoutes());
    }
    this.#changed();
  }

  #heard(entry: JournalEntry): void {
    this.#remember([entry]);
    if (entry.kind === 'membership' || entry.kind === 'health') this.#untold.push(entry);
    this.#tell();
    if (entry.kind === 'config') {
      this.#quietly(this.#readConfig());
      this.#quietly(this.#readRoutes());
    }
    this.#changed();
  }

  #cut(): void {
    // The moment at which what is shown stopped being current, not that of the latest attempt.
    if (this.#connection.kind !== 'cut') this.#connection = { kind: 'cut', at: Date.now() };
    this.#changed();
  }

  #lock(): void {
    this.#connection = { kind: 'locked', wrong: this.#api.hasToken };
    this.#changed();
  }

  #tick(): void {
    if (this.#connection.kind !== 'live') return;
    this.#fleet.idle(performance.now());
    this.#tell();
    this.#changed();
  }

  #tell(): void {
    const now = performance.now();
    const last = this.#untold.at(-1);
    if (last === undefined || now - this.#newsAt < NEWS_EVERY_MS) return;
    const { subject, what } = journalText(last);
    const more = this.#untold.length > 1 ? `, and ${countText(this.#untold.length - 1, 'other change')}` : '';
    this.#news = `${subject} ${what}${more}`;
    this.#newsAt = now;
    this.#untold = [];
  }

  async #readJournal(): Promise<void> {
    const entries = await this.#api.journal(JOURNAL_SHOWN);
    this.#remember(entries);
  }

  async #readConfig(): Promise<void> {
    this.#config = await this.#api.config();
  }

  async #readRoutes(): Promise<void> {
    this.#routes = await this.#api.routes();
  }

  /** Further reading fails only when the stream is about to fail too, and that is shown. */
  #quietly(reading: Promise<void>): void {
    reading.then(
      () => this.#changed(),
      () => undefined,
    );
  }

  /** The same entry comes twice when it happens while the journal is read. */
  #remember(entries: readonly JournalEntry[]): void {
    const known = new Set(this.#journal.map(({ entry }) => JSON.stringify(entry)));
    const fresh = entries
      .filter((entry) => !known.has(JSON.stringify(entry)))
      .map((entry) => ({ id: this.#entries++, entry }));
    this.#journal = [...fresh.reverse(), ...this.#journal]
      .sort((a, b) => b.entry.at - a.entry.at || b.id - a.id)
      .slice(0, JOURNAL_SHOWN);
  }

  #changed(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw(this.#picture());
    });
  }

  #picture(): Picture {
    return {
      connection: this.#connection,
      readiness: this.#snapshot?.readiness ?? null,
      registries: this.#snapshot?.registries ?? [],
      snapshotAgeMs: performance.now() - this.#snapshotAt,
      services: this.#fleet.lines(),
      routes: this.#routes,
      config: this.#config,
      journal: this.#journal,
      inquiry: this.inquiry.state,
      complaint: this.#complaint,
      news: this.#news,
    };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
