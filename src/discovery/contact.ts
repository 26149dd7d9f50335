import type { Clock } from '../core/clock.js';
import type { Announce, SourceEvent } from '../core/events.js';

export interface ContactOptions {
  readonly source: string;
  readonly clock: Clock;
  readonly announce: Announce;
}

/** Whether a source that is asked again and again had an answer of use last time, and who is told when that changes. */
export class Contact {
  readonly #options: ContactOptions;
  #connected = false;
  #lastError: string | undefined;

  constructor(options: ContactOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Why there was none; undefined while there is. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** `from` names where the answer came from. */
  good(from: string): void {
    this.#lastError = undefined;
    if (this.#connected) return;
    this.#connected = true;
    this.#announce('connected', from);
  }

  /** An outage is noticed again and again: its reason is told once, until it is another. */
  bad(message: string): void {
    if (message === this.#lastError) return;
    this.#lastError = message;
    if (!this.#connected) return this.#announce('fault', message);
    this.#connected = false;
    this.#announce('disconnected', message);
  }

  /** Of what an answer held, and cannot be used. */
  invalid(lines: readonly string[]): void {
    for (const line of lines) this.#announce('invalid-value', line);
  }

  #announce(kind: SourceEvent['kind'], detail: string): void {
    const { source, clock, announce } = this.#options;
    announce('source', { at: clock.now(), source, kind, detail });
  }
}
