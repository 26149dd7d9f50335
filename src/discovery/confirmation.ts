import type { Clock, Timer } from '../core/clock.js';
import type { Announce, SourceEvent } from '../core/events.js';
import type { Source, SourceView } from './source.js';

/** Twice what a source takes to prove its view current when one of its members hangs. */
export const UNCONFIRMED_AFTER_MS = 10_000;

const LOOK_EVERY_MS = 1_000;

export interface ConfirmationOptions {
  readonly source: Source;
  readonly clock: Clock;
  readonly announce: Announce;
}

/** Whether what a source says it has is too old to be called current. Before the first list there is nothing to be old. */
export function isUnconfirmed({ confirmedMsAgo }: SourceView): boolean {
  return confirmedMsAgo !== null && confirmedMsAgo >= UNCONFIRMED_AFTER_MS;
}

/**
 * Tells when the view of a source becomes too old, and when it is current again. What is served stays the
 * same: an old view beats none.
 */
export class Confirmation {
  readonly #options: ConfirmationOptions;
  #startedAt = 0;
  /** When the view was last known to be current, monotonic milliseconds. */
  #degradedSince: number | undefined;
  #timer: Timer | undefined;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
  }

  start(): void {
    this.#startedAt = this.#options.clock.monotonic();
    this.#later();
  }

  /** As it is now, which may be a second before it is told. */
  degraded(view: SourceView): boolean {
    return view.fromDisk === true || this.#age(view) >= UNCONFIRMED_AFTER_MS;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #later(): void {
    this.#timer = this.#options.clock.after(LOOK_EVERY_MS, () => {
      this.#look();
      this.#later();
    });
  }

  #look(): void {
    const { source, clock } = this.#options;
    const view = source.view();
    const degraded = this.degraded(view);
    if (degraded === (this.#degradedSince !== undefined)) return;
    if (this.#degradedSince === undefined) {
      this.#degradedSince = clock.monotonic() - this.#age(view);
      this.#announce('degraded', view.lastError ?? 'the registry does not confirm its view');
    } else {
      const seconds = Math.round((clock.monotonic() - this.#degradedSince) / 1000);
      this.#degradedSince = undefined;
      this.#announce('confirmed', `after ${seconds} s`);
    }
  }

  #age({ confirmedMsAgo }: SourceView): number {
    return confirmedMsAgo ?? this.#options.clock.monotonic() - this.#startedAt;
  }

  #announce(kind: SourceEvent['kind'], detail: string): void {
    const { source, clock, announce } = this.#options;
    announce('source', { at: clock.now(), source: source.name, kind, detail });
  }
}
