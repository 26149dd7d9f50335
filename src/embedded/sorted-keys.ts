import type { KeyRange } from './key-range.js';

/** A set of keys in order. An array: at registry sizes moving its tail is cheaper than any tree. */
export class SortedKeys {
  #keys: string[] = [];

  /** The key must not be there yet. */
  add(key: string): void {
    this.#keys.splice(this.#position(key), 0, key);
  }

  remove(keys: readonly string[]): void {
    if (keys.length === 0) return;
    const gone = new Set(keys);
    this.#keys = this.#keys.filter((key) => !gone.has(key));
  }

  /** A copy, so that what the reader does with each key cannot disturb the reading. */
  within({ start, end }: KeyRange): string[] {
    return this.#keys.slice(this.#position(start), end === undefined ? undefined : this.#position(end));
  }

  /** Index of the first key that is not before `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
