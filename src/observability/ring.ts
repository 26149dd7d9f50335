/** Keeps the newest `capacity` items. */
export class Ring<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  /** Where the next item goes once the ring is full: the place of the oldest. */
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity);
  }

  add(item: T): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** Whether the next item pushes one out. */
  get full(): boolean {
    return this.#items.length === this.#capacity;
  }

  /** At most `count`. */
  *newestFirst(count: number): Generator<T> {
    const length = this.#items.length;
    for (let back = 1; back <= Math.min(count, length); back += 1) {
      const item = this.#items[(this.#next - back + length) % length];
      if (item !== undefined) yield item;
    }
  }

  oldestFirst(): T[] {
    if (this.#items.length < this.#capacity) return [...this.#items];
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)];
  }
}
