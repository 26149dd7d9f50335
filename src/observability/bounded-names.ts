/** Far above any real number of services; below what a time series database refuses. */
const DEFAULT_LIMIT = 10_000;

/** What a name beyond the limit is called. */
export const OVERFLOW_NAME = 'other';

/**
 * Keeps a label's values countable. Counters live as long as the process while service names come
 * from whoever writes to the registry, so a name that changes for ever must not grow memory for ever.
 */
export class BoundedNames {
  readonly #known = new Set<string>();
  readonly #limit: number;

  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  /** The name itself while there is room for it, else `other`. */
  label(name: string): string {
    if (this.#known.has(name)) return name;
    if (this.#known.size >= this.#limit) return OVERFLOW_NAME;
    this.#known.add(name);
    return name;
  }
}
