import { type FileProblem, named } from '../files/file-problem.js';
import { YamlFile } from '../files/yaml-file.js';
import { type Environment, isUnset, type Substitution, substitute } from './environment.js';
import type { Finding } from './finding.js';
import { type ConfigOrigin, fileOrigin } from './origin.js';
import { schemaProblems } from './problems.js';
import { mayBeUnset } from './registry-schema.js';
import { crossFindings, warnings } from './rules.js';
import { documentSchema } from './schema.js';
import { resolveSettings, type Settings } from './settings.js';

/** `warnings` are of the same form as errors but stop nothing. */
export type ConfigResult =
  | { readonly settings: Settings; readonly warnings: readonly FileProblem[] }
  | { readonly errors: readonly FileProblem[] };

/**
 * Reads the text of a routes.yaml. All errors are found, not only the first, in the order of the file.
 * `file` names the text in them. An empty text is valid: all defaults, no routes, and a warning.
 */
export function parseConfig(text: string, file: string, environment: Environment): ConfigResult {
  const yaml = new YamlFile(text, file);
  const { problems, onlyDuplicates } = yaml.syntaxProblems();
  if (!onlyDuplicates) return { errors: problems };
  const replace = (value: string, keys: readonly string[]): Substitution =>
    mayBeUnset(keys) && isUnset(value, environment) ? { text: '' } : substitute(value, environment);
  const errors = [...problems, ...yaml.substitute(replace)];
  const data = yaml.data();
  if ('problem' in data) return { errors: [...errors, data.problem] };
  // A missing variable leaves its value without meaning; errors that follow from it would mislead.
  if (errors.length > problems.length) return { errors: inFileOrder(errors) };

  const parsed = documentSchema.safeParse(data.value, { reportInput: true });
  if (!parsed.success) errors.push(...schemaProblems(parsed.error, yaml));
  errors.push(...crossFindings(data.value).map((finding) => located(finding, yaml)));
  if (errors.length > 0 || !parsed.success) return { errors: inFileOrder(errors) };
  return {
    settings: resolveSettings(parsed.data),
    warnings: inFileOrder(warnings(parsed.data).map((finding) => located(finding, yaml))),
  };
}

/** Reads and parses a routes.yaml. Throws when it cannot be read; what it holds never throws. */
export async function loadConfig(origin: ConfigOrigin, environment: Environment): Promise<ConfigResult> {
  return parseConfig(await origin.read(), origin.name, environment);
}

/** As `loadConfig`, of a file. */
export function loadConfigFile(path: string, environment: Environment): Promise<ConfigResult> {
  return loadConfig(fileOrigin(path), environment);
}

function located({ path, message, at, sameAs, about = path }: Finding, yaml: YamlFile): FileProblem {
  const other = sameAs === undefined ? '' : ` on line ${yaml.lineOf(sameAs)}`;
  return yaml.problem(path, `${named(about, message)}${other}`, at);
}

function inFileOrder(problems: readonly FileProblem[]): FileProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
