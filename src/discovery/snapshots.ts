import type { SnapshotListener, SourceSnapshot } from './source.js';

/** The newest snapshot of a source, and who wants to hear of the next. */
export class Snapshots {
  readonly #listeners = new Set<SnapshotListener>();
  #current: SourceSnapshot | undefined;

  get current(): SourceSnapshot | undefined {
    return this.#current;
  }

  publish(snapshot: SourceSnapshot): void {
    this.#current = snapshot;
    for (const listener of [...this.#listeners]) listener(snapshot);
  }

  /** Calls `listener` for each new snapshot, and at once when there is one. */
  subscribe(listener: SnapshotListener): () => void {
    // Wrapped, so that subscribing one function twice gives two subscriptions.
    const own: SnapshotListener = (snapshot) => listener(snapshot);
    this.#listeners.add(own);
    if (this.#current !== undefined) own(this.#current);
    return () => void this.#listeners.delete(own);
  }
}
