import type { InvalidValueView } from '../core/views.js';
import { InvalidNews } from './invalid-news.js';

/** Keys whose values cannot be used, and why. */
export class InvalidValues {
  readonly #reasons = new Map<string, string>();
  readonly news = new InvalidNews();

  /** `reason` is undefined for a value that can be used. */
  note(key: string, reason: string | undefined): void {
    if (reason === undefined) this.#reasons.delete(key);
    else {
      this.news.note({ key, reason }, this.#reasons.get(key));
      this.#reasons.set(key, reason);
    }
  }

  /** The key is gone. */
  forget(key: string): void {
    this.#reasons.delete(key);
  }

  /** At most `limit` of them. */
  views(limit: number): InvalidValueView[] {
    const shown: InvalidValueView[] = [];
    for (const [key, reason] of this.#reasons) {
      if (shown.length === limit) break;
      shown.push({ key, reason });
    }
    return shown;
  }
}
