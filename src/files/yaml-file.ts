import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import { messageOf } from '../core/errors.js';
import type { FileProblem } from './file-problem.js';

export type Path = readonly PropertyKey[];

/** What becomes of one text value, or why it cannot stand. */
export type Replacement = { readonly text: string } | { readonly problem: string };

/** Enough for thousands of `<<: *common`, far too few for aliases that multiply ("billion laughs"). */
const MOST_ALIASES = 10_000;

/** One YAML file that remembers where each of its values stands. */
export class YamlFile {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string, file: string) {
    this.#file = file;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      logLevel: 'error',
      merge: true,
      prettyErrors: false,
      stringKeys: true,
    });
  }

  /** What is wrong with the YAML itself. The values can be read all the same when it is `onlyDuplicates`. */
  syntaxProblems(): { readonly problems: readonly FileProblem[]; readonly onlyDuplicates: boolean } {
    // The library only warns of a tag that it does not know (`!include x`) and goes on without it.
    const faults = [...this.#document.errors, ...this.#document.warnings];
    const problems = [
      ...faults.map(({ code, pos, message }) => this.#problemAt(pos[0], MESSAGES[code] ?? plain(message))),
      ...this.#danglingAliases(),
    ];
    const duplicates = faults.filter(({ code }) => code === 'DUPLICATE_KEY').length;
    return { problems, onlyDuplicates: duplicates === problems.length };
  }

  #danglingAliases(): FileProblem[] {
    const problems: FileProblem[] = [];
    const anchors = new Set<string>();
    visit(this.#document, {
      Value: (_, node) => void (node.anchor !== undefined && anchors.add(node.anchor)),
      Alias: (_, node) => {
        if (anchors.has(node.source)) return;
        problems.push(this.#problemAt(startOf(node), `nothing before this is named &${node.source}`));
      },
    });
    return problems;
  }

  /**
   * Replaces the text values that hold `${`; keys are left alone. It works on parsed values, so that what
   * comes in stays one value whatever it contains. An empty value counts as an absent key. `keys` are those that
   * lead to the value, places in lists left out.
   */
  substitute(replace: (text: string, keys: readonly string[]) => Replacement): FileProblem[] {
    const problems: FileProblem[] = [];
    visit(this.#document, {
      Scalar: (position, node, ancestors) => {
        if (position === 'key') return;
        if (node.value === null) node.value = undefined;
        if (typeof node.value !== 'string' || !node.value.includes('${')) return;
        const result = replace(node.value, keysOf(ancestors));
        if ('text' in result) node.value = result.text;
        else problems.push(this.#problemAt(startOf(node), result.problem));
      },
    });
    return problems;
  }

  /** The values as plain data; an empty file is an empty map. */
  data(): { readonly value: unknown } | { readonly problem: FileProblem } {
    try {
      return { value: this.#document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {} };
    } catch (error) {
      return { problem: this.#problemAt(0, messageOf(error)) };
    }
  }

  /** A problem with the value at `path`, or with its key. What is missing is placed at what should hold it. */
  problem(path: Path, message: string, at: 'key' | 'value' = 'value'): FileProblem {
    return this.#problemAt(this.#offsetOf(path, at), message);
  }

  /** The line of the value at `path`. */
  lineOf(path: Path): number {
    return this.#lines.linePos(this.#offsetOf(path, 'value')).line;
  }

  #offsetOf(path: Path, at: 'key' | 'value'): number {
    let node = resolved(this.#document.contents, this.#document);
    let offset = startOf(node);
    for (const [depth, step] of path.entries()) {
      const pair = isMap(node) ? findPair(node.items, String(step), this.#document) : undefined;
      const next = isSeq(node) ? node.items[Number(step)] : pair?.value;
      if (pair !== undefined && at === 'key' && depth === path.length - 1) return startOf(pair.key);
      // A key without a value has no place of its own.
      if (pair !== undefined && isScalar(next) && next.value === undefined) return startOf(pair.key);
      if (next === undefined || next === null) return offset;
      offset = startOf(next);
      node = resolved(next, this.#document);
    }
    return offset;
  }

  #problemAt(offset: number, message: string): FileProblem {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1), message };
  }
}

const MESSAGES: Readonly<Record<string, string>> = {
  NON_STRING_KEY: 'a key must be plain text',
  DUPLICATE_KEY: 'this key is given twice in the same map',
  MULTIPLE_DOCS: 'a second document ("---") starts here; wanted one document in the file',
  TAB_AS_INDENT: 'a tab indents this line; YAML wants spaces',
};

/** The library's messages are sentences for people, with quoting of their own. */
function plain(message: string): string {
  return `not valid YAML: ${message.replaceAll(/\s+/g, ' ').trim()}`;
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function resolved(node: unknown, document: Document.Parsed): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** The pair whose value counts for this key: the last one, or where `<<` brought it in from. */
function findPair(items: readonly Pair[], key: string, document: Document.Parsed): Pair | undefined {
  const own = items.findLast((pair) => keyOf(pair) === key);
  if (own !== undefined) return own;
  for (const pair of items) {
    if (keyOf(pair) !== '<<') continue;
    const merged = resolved(pair.value, document);
    for (const source of isSeq(merged) ? merged.items : [merged]) {
      const map = resolved(source, document);
      const found = isMap(map) ? findPair(map.items, key, document) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.source ?? key.value) : String(key);
}

function keysOf(ancestors: readonly unknown[]): string[] {
  return ancestors.flatMap((node) => (isPair(node) && isScalar(node.key) ? [String(node.key.value)] : []));
}
