/** What only the benchmark needs. */
export const benchServerNames: readonly string[];
