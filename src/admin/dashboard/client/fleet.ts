import type { EndpointState } from '../../../core/endpoint.js';
import type { EndpointView, ServiceView } from '../../../core/views.js';
import { Meter, type Reading } from './meter.js';

/** What lately became of an endpoint, for as long as the page points it out. */
export type Mark = 'joined' | 'left' | 'changed';

/** One endpoint as the page shows it. One that has left stays for a moment, as `gone`. */
export interface EndpointLine extends Reading {
  readonly view: EndpointView;
  readonly mark: Mark | null;
}

export interface ServiceLine {
  readonly view: ServiceView;
  /** Sorted by address. */
  readonly endpoints: readonly EndpointLine[];
  readonly takingRequests: number;
  readonly requestsPerSecond: number;
  readonly failureShare: number | null;
}

/** How long a change is pointed out, and an endpoint that left stays in sight. */
export const MARK_MS = 2_500;
/** Snapshots after changes come faster than that; one sample a second is enough. */
const SAMPLE_MS = 900;

interface KnownService {
  readonly view: ServiceView;
  /** False once a snapshot no longer has it; it goes when its endpoints are out of sight. */
  readonly listed: boolean;
  readonly known: Map<string, Known>;
}

interface Known {
  view: EndpointView;
  mark: Mark | null;
  markedAt: number;
  readonly meter: Meter;
}

/**
 * Compares each snapshot with the one before: what joined, left or changed its state is marked for a
 * moment, and counters become rates. Times are milliseconds on the page's monotonic clock.
 */
export class Fleet {
  readonly #services = new Map<string, KnownService>();
  #sampledAt = Number.NEGATIVE_INFINITY;
  #first = true;

  /** A snapshot that came. The first marks nothing: all of it is news. */
  take(services: readonly ServiceView[], now: number): void {
    const listed = new Map(services.map((view) => [view.name, view]));
    for (const [name, view] of listed) {
      const known = this.#services.get(name)?.known ?? new Map<string, Known>();
      this.#services.set(name, { view, listed: true, known });
      this.#compare(known, view.endpoints, now);
    }
    for (const [name, { view, known }] of this.#services) {
      if (listed.has(name)) continue;
      this.#services.set(name, { view, listed: false, known });
      this.#compare(known, [], now);
    }
    this.#first = false;
    if (now - this.#sampledAt >= SAMPLE_MS) this.#sample(now);
    this.#forget(now);
  }

  /** Time went by without a snapshot, which means that no counter moved. */
  idle(now: number): void {
    if (now - this.#sampledAt >= SAMPLE_MS) this.#sample(now);
    this.#forget(now);
  }

  lines(): readonly ServiceLine[] {
    return [...this.#services]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { view, known }]) => serviceLine(view, known));
  }

  #compare(known: Map<string, Known>, endpoints: readonly EndpointView[], now: number): void {
    const here = new Set<string>();
    for (const view of endpoints) {
      here.add(view.address);
      const before = known.get(view.address);
      if (before === undefined) {
        const mark = this.#first ? null : 'joined';
        known.set(view.address, { view, mark, markedAt: now, meter: new Meter() });
        continue;
      }
      const mark = markOf(before.view, view);
      before.view = view;
      if (mark === null) continue;
      before.mark = mark;
      before.markedAt = now;
    }
    for (const [address, one] of known) {
      if (here.has(address) || one.view.state === 'gone') continue;
      one.view = { ...one.view, state: 'gone', inFlight: 0, notEligible: 'gone: has left' };
      one.mark = 'left';
      one.markedAt = now;
    }
  }

  #sample(now: number): void {
    this.#sampledAt = now;
    for (const { known } of this.#services.values()) {
      for (const { meter, view } of known.values()) meter.sample(now, view);
    }
  }

  #forget(now: number): void {
    for (const [name, { listed, known }] of this.#services) {
      for (const [address, one] of known) {
        if (now - one.markedAt < MARK_MS) continue;
        one.mark = null;
        if (one.view.state === 'gone') known.delete(address);
      }
      if (known.size === 0 && !listed) this.#services.delete(name);
    }
  }
}

function markOf(before: EndpointView, after: EndpointView): Mark | null {
  if (before.state === 'gone') return 'joined';
  const same = before.state === after.state && before.notEligible === after.notEligible;
  return same ? null : 'changed';
}

function serviceLine(view: ServiceView, known: ReadonlyMap<string, Known>): ServiceLine {
  const endpoints = [...known]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { view: endpoint, mark, meter }]) => ({ view: endpoint, mark, ...meter.reading() }));
  return { view, endpoints, ...totals(endpoints) };
}

/** The endpoints of one service, or of all, taken together. */
export function totals(
  endpoints: readonly EndpointLine[],
): Pick<ServiceLine, 'takingRequests' | 'requestsPerSecond' | 'failureShare'> {
  let requests = 0;
  let failures = 0;
  let takingRequests = 0;
  for (const { view, requestsPerSecond, failureShare } of endpoints) {
    if (view.notEligible === null) takingRequests += 1;
    requests += requestsPerSecond;
    failures += requestsPerSecond * (failureShare ?? 0);
  }
  return {
    takingRequests,
    requestsPerSecond: requests,
    failureShare: requests > 0 ? failures / requests : null,
  };
}

/** Whether somebody should look: an endpoint is out of service, or none takes requests. */
export function needsAttention({ view, endpoints, takingRequests }: ServiceLine): boolean {
  const well = (state: EndpointState): boolean => state === 'up' || state === 'gone';
  return view.panicking || takingRequests === 0 || endpoints.some((line) => !well(line.view.state));
}
