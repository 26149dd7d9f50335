import { extname } from 'node:path';
import { messageOf } from '../core/errors.js';
import { type FileProblem, formatProblem } from '../files/file-problem.js';
import { YamlFile } from '../files/yaml-file.js';

/**
 * What is wrong with a text as the kind of file that its name says, YAML or JSON; of other kinds nothing is known.
 * A typing mistake must not reach a program that dies of it. `source` names the text.
 */
export function textProblems(text: string, source: string, fileName: string): readonly string[] {
  switch (extname(fileName).toLowerCase()) {
    case '.json':
      return jsonProblems(text, source);
    case '.yaml':
    case '.yml':
      return new YamlFile(text, source).syntaxProblems().problems.map(formatProblem);
    default:
      return [];
  }
}

function jsonProblems(text: string, source: string): readonly string[] {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    const message = messageOf(error);
    return [
      formatProblem({ ...placeIn(text, message), file: source, message: `not valid JSON: ${message}` }),
    ];
  }
}

/** V8 tells the place in its message, if at all. */
function placeIn(text: string, message: string): Pick<FileProblem, 'line' | 'column'> {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  const before = text.slice(0, position === undefined ? text.length : Number(position)).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
