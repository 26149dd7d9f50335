import * as z from 'zod';
import type { JsonSchema } from './scalars.js';
import { documentSchema } from './schema.js';

/**
 * The JSON Schema of routes.yaml as a person writes it, for editors to complete and check by.
 * Draft 7, which yaml-language-server knows best.
 */
export function jsonSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(documentSchema, {
    io: 'input',
    target: 'draft-07',
    override: ({ jsonSchema: published }) => resolveNotes(published),
  });
  return { $schema, title: 'Watchgate routes.yaml', ...schema };
}

/** Turns the notes that the schemas carry for this purpose into JSON Schema. */
function resolveNotes(published: Record<string, unknown>): void {
  // Policy levels overlay each other, so their defaults are notes: zod would fill real ones in too early.
  if ('builtIn' in published) {
    published['default'] = published['builtIn'];
    delete published['builtIn'];
  }
  if ('writtenAs' in published) {
    for (const keyword of ['type', 'items', 'minItems']) delete published[keyword];
    published['anyOf'] = published['writtenAs'];
    delete published['writtenAs'];
  }
}
