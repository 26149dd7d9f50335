import type * as z from 'zod';
import { type FileProblem, named } from '../files/file-problem.js';
import type { YamlFile } from '../files/yaml-file.js';
import { shown } from './scalars.js';

/** Each thing the schema found wrong, at its place in the file. */
export function schemaProblems(error: z.ZodError, yaml: YamlFile): FileProblem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const messages = issue.message.split('\n');
      return issue.keys.map((key, index) =>
        yaml.problem([...issue.path, key], named(issue.path, messages[index] ?? ''), 'key'),
      );
    }
    return [yaml.problem(issue.path, named(issue.path, messageOf(issue)))];
  });
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type') return issue.message;
  const wanted = issue.expected === 'array' ? 'a list' : 'a map of settings';
  return issue.input === undefined
    ? `missing; wanted ${wanted}`
    : `wanted ${wanted}, got ${shown(issue.input)}`;
}
