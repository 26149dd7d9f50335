import { PATIENCE_MS } from './wire.js';

/** Things that come one after another, and a way to wait for each of them. */
export class Sequence<T> {
  readonly #what: string;
  readonly #items: T[] = [];
  readonly #waiters = new Set<() => void>();

  constructor(what: string) {
    this.#what = what;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    this.#items.push(item);
    for (const check of [...this.#waiters]) check();
  }

  /** The item with this index, once it has come. */
  nth(index = 0): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const item = this.#items[index];
        if (item === undefined) return;
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve(item);
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(check);
        reject(new Error(`${this.#what} ${index} never came; ${this.#items.length} did`));
      }, PATIENCE_MS);
      this.#waiters.add(check);
      check();
    });
  }
}
