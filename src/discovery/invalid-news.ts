import type { InvalidValueView } from '../core/views.js';

/** Of those that turn up together, so that a registry full of rubbish does not fill the log. */
const MOST_NAMED = 10;

/** Values that cannot be used, as far as nobody has been told of them yet. */
export class InvalidNews {
  #named: string[] = [];
  #more = 0;

  /** `before`: why it could not be used until now; undefined when it could. */
  note({ key, reason }: InvalidValueView, before: string | undefined): void {
    if (reason === before) return;
    if (this.#named.length < MOST_NAMED) this.#named.push(`${key}: ${reason}`);
    else this.#more += 1;
  }

  /** One line for each, and one for those beyond the first. Each is answered once. */
  take(): readonly string[] {
    if (this.#named.length === 0) return [];
    const lines = this.#more === 0 ? this.#named : [...this.#named, `and ${this.#more} more`];
    this.#named = [];
    this.#more = 0;
    return lines;
  }
}
