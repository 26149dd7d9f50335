import { WatchgateError } from '../core/errors.js';
import { formatProblem, named } from '../files/file-problem.js';
import { type Path, YamlFile } from '../files/yaml-file.js';
import type { KeyLocation } from './key-location.js';
import { checkedText, textAt } from './value-text.js';
import type { KeysSnapshot } from './watched-keys.js';

/** Plain data that knows where in the registry each part of it came from. */
export interface LiveDocument {
  readonly value: unknown;
  /** `etcd://host:2379/app/settings:3:9: port: wanted a number`. */
  problem(path: Path, message: string): string;
}

type Tree = Map<string, Tree | YamlFile>;

/**
 * Reads the YAML or JSON of a key; or of all keys below a prefix, as one map with a level for each segment of
 * the keys. Throws KEY_MISSING, KEY_UNREADABLE or CONFIG_INVALID, with one line for each mistake.
 */
export function readDocument(snapshot: KeysSnapshot, location: KeyLocation): LiveDocument {
  return location.key.endsWith('/') ? manyKeys(snapshot, location) : oneKey(snapshot, location);
}

function oneKey(snapshot: KeysSnapshot, location: KeyLocation): LiveDocument {
  const yaml = parsed(textAt(snapshot, location), location.name);
  const problem: LiveDocument['problem'] = (path, message) =>
    formatProblem(yaml.problem(path, named(path, message)));
  return { value: dataOf(yaml), problem };
}

function manyKeys({ values }: KeysSnapshot, { key: prefix, name }: KeyLocation): LiveDocument {
  if (values.size === 0)
    throw new WatchgateError('KEY_MISSING', `cannot read ${name}: there is no key below it`);
  const tree: Tree = new Map();
  for (const [key, text] of values) {
    const path = key.slice(prefix.length);
    const place = name + path;
    plant(tree, path.split('/'), parsed(checkedText(text, place), place), place);
  }
  const problem: LiveDocument['problem'] = (path, message) => {
    const { leaf, rest } = leafAt(tree, path);
    const text = named(path, message);
    return leaf === undefined ? `${name}: ${text}` : formatProblem(leaf.problem(rest, text));
  };
  return { value: plain(tree), problem };
}

function parsed(text: string, name: string): YamlFile {
  const yaml = new YamlFile(text, name);
  const { problems } = yaml.syntaxProblems();
  if (problems.length > 0) throw new WatchgateError('CONFIG_INVALID', problems.map(formatProblem).join('\n'));
  return yaml;
}

function dataOf(yaml: YamlFile): unknown {
  const data = yaml.data();
  if ('value' in data) return data.value;
  throw new WatchgateError('CONFIG_INVALID', formatProblem(data.problem));
}

function plant(tree: Tree, [step = '', ...rest]: readonly string[], leaf: YamlFile, place: string): void {
  if (step === '') throw new WatchgateError('CONFIG_INVALID', `${place}: a part of the key is empty`);
  const there = tree.get(step);
  if (rest.length === 0) return void tree.set(step, leaf);
  if (there instanceof YamlFile)
    throw new WatchgateError('CONFIG_INVALID', `${place}: a key above it has a value of its own`);
  const below: Tree = there ?? new Map();
  tree.set(step, below);
  plant(below, rest, leaf, place);
}

function leafAt(tree: Tree, path: Path): { leaf: YamlFile | undefined; rest: Path } {
  let at: Tree | YamlFile | undefined = tree;
  for (const [depth, step] of path.entries()) {
    at = at.get(String(step));
    if (at instanceof YamlFile) return { leaf: at, rest: path.slice(depth + 1) };
    if (at === undefined) break;
  }
  return { leaf: undefined, rest: path };
}

/** `fromEntries` defines properties of the map's own, whatever their names. */
function plain(tree: Tree): Record<string, unknown> {
  const entries = [...tree].map(([step, below]) => [
    step,
    below instanceof YamlFile ? dataOf(below) : plain(below),
  ]);
  return Object.fromEntries(entries);
}
