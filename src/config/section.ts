import * as z from 'zod';
import { suggestion } from '../core/suggestion.js';

/**
 * A map with fixed keys. Zod reports all unknown keys of a map as one issue; its message here is one
 * line for each of them, in order, so that every one can be shown at its own place.
 */
export function section<const S extends z.core.$ZodLooseShape>(shape: S) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' && Array.isArray(issue['keys'])
        ? issue['keys'].map((key) => unknownKey(String(key), known)).join('\n')
        : undefined,
  });
}

/** `unknown key "rotes"; did you mean "routes"?` */
export function unknownKey(key: string, known: readonly string[]): string {
  return `unknown key ${JSON.stringify(key)}${suggestion(key, known)}`;
}
