import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { buildProgram } from '../src/cli/program.js';
import { parseConfig } from '../src/config/load.js';
import { sameSettings } from '../src/config/settings.js';
import { causes } from '../src/core/causes.js';
import { fakeGateway, membershipChange } from './support/fake-gateway.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A document, by its path within the project. */
interface Document {
  readonly path: string;
  readonly text: string;
}

interface Block {
  readonly language: string;
  readonly text: string;
}

const BLOCK = /^```(\S*)[^\n]*\n(.*?)^```/gms;

const documents: readonly Document[] = [
  ...names('.', false),
  ...['docs', 'examples', 'bench', 'k8s'].flatMap((folder) => names(folder, true)),
].map((path) => ({ path, text: read(path) }));

function names(folder: string, recursive: boolean): string[] {
  return readdirSync(join(ROOT, folder), { recursive, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function blocksOf({ text }: Document): Block[] {
  return [...text.matchAll(BLOCK)].map(([, language = '', body = '']) => ({ language, text: body }));
}

/** What is said outside of code blocks. */
function proseOf({ text }: Document): string {
  return text.replace(BLOCK, '');
}

function codeSpansOf(document: Document): string[] {
  return [...proseOf(document).matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replace(/\s+/g, ' '));
}

/** Rows of the table whose heading starts with `heading`, as their cells. */
function rowsUnder(heading: string, text: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(heading));
  assert.ok(start >= 0, `there is no table headed ${heading}`);
  const rest = lines.slice(start + 2);
  const length = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(0, length).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** As GitHub names a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/ /g, '-');
}

function anchorsOf(path: string): string[] {
  const headings = proseOf({ path, text: read(path) }).matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) => anchorOf(heading));
}

test('every relative link leads somewhere', () => {
  const broken = documents.flatMap((document) =>
    [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(document, link))
      .map((link) => `${document.path}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

function leadsSomewhere(from: Document, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? from.path : join(dirname(from.path), file);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(target).includes(anchor);
}

test('the index has every page', () => {
  const index = read('docs/README.md');
  const linked = [...index.matchAll(/\]\(([\w/-]+\.md)\)/g)].map(([, page = '']) => page);
  const pages = documents
    .map(({ path }) => relative('docs', path))
    .filter((page) => !page.startsWith('..') && page !== 'README.md');
  assert.deepEqual(
    pages.filter((page) => !linked.includes(page)),
    [],
  );
});

function sourceNames(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
    (name) => `${folder}/${name}`,
  );
}

test('every file of the project that is named is there', () => {
  const code = [...sourceNames('src'), ...sourceNames('test')];
  /** In the text a source file may go by the end of its path: `proxy/handler.ts`, `handler.ts`. */
  const isThere = (path: string): boolean =>
    existsSync(join(ROOT, path)) || code.some((name) => name.endsWith(`/${path}`));
  const missing = documents.flatMap((document) =>
    codeSpansOf(document)
      .filter((span) => /^(src|test|docs|scripts|examples|k8s|bench)\/[\w./-]*$|^[\w./-]+\.ts$/.test(span))
      // Named because there is none.
      .filter((path) => path !== 'utils.ts' && !isThere(path))
      .map((path) => `${document.path}: ${path}`),
  );
  assert.deepEqual(missing, []);
});

/** Lines that a reader would type: in blocks, with continued lines joined, and in the text. */
function linesToTypeIn(document: Document): string[] {
  const shell = blocksOf(document).filter(({ language }) => ['sh', 'console', 'text', ''].includes(language));
  return [
    ...shell.flatMap(({ text }) => text.replace(/\\\n\s*/g, '').split('\n')),
    ...codeSpansOf(document),
  ].map((line) => line.replace(/\s+#.*$/, ''));
}

/** `-n watchgate` is a namespace of Kubernetes. */
const CALL = /(?<![\w/-])(?<!-n )(?:watchgate|node dist\/main\.js) ([a-z][a-z-]*)(?=\s|$)(.*)$/;

async function everyCommand(): Promise<ReadonlyMap<string, Command>> {
  const listed = (await buildProgram([])).commands.map((command) => command.name());
  const program = await buildProgram(listed);
  return new Map(program.commands.map((command) => [command.name(), command]));
}

test('every watchgate command that is written down exists, with its flags', async () => {
  const commands = await everyCommand();
  const wrong: string[] = [];
  let calls = 0;
  for (const document of documents) {
    for (const line of linesToTypeIn(document)) {
      const [, name = '', rest = ''] = CALL.exec(line) ?? [];
      if (name === '') continue;
      calls += 1;
      const command = commands.get(name);
      const known = ['--help', ...(command?.options.flatMap(({ short, long }) => [short, long]) ?? [])];
      // What is quoted belongs to another program.
      const own = (rest.split(' -- ')[0] ?? '').replace(/'[^']*'/g, '');
      const flags = [...own.matchAll(/(?<=\s)--?[a-z][\w-]*/g)].map(([flag]) => flag);
      if (command === undefined || flags.some((flag) => !known.includes(flag)))
        wrong.push(`${document.path}: ${line}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(calls > 20, String(calls));
});

test('docs/commands.md has every command and every flag, with its default', async () => {
  const sections = read('docs/commands.md').split(/^## /m);
  const commands = await everyCommand();
  for (const [name, { options }] of commands) {
    const section = sections.find((text) => text.startsWith(`${name}\n`)) ?? '';
    assert.notEqual(section, '', name);
    for (const { flags, defaultValue, defaultValueDescription } of options) {
      const row = section.split('\n').find((line) => line.startsWith(`| \`${flags}\` |`));
      assert.ok(row, `${name} ${flags}`);
      const said = defaultValueDescription ?? defaultValue;
      if (said === undefined) continue;
      assert.ok(row.replaceAll('`', '').includes(String(said)), `${name} ${flags}: the default is ${said}`);
    }
  }
  const written = sections.slice(1).map((text) => text.split('\n')[0]);
  assert.deepEqual(written, [...commands.keys()]);
});

test('every metric that is written down is one that docs/metrics.md has, which a test holds to the code', () => {
  const known = new Set(
    [...read('docs/metrics.md').matchAll(/^\| `(watchgate_\w+)` \|/gm)].map(([, name]) => name),
  );
  const unknown = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\bwatchgate_(?!_)[a-z_]+[a-z]\b/g)]
      .map(([name]) => name.replace(/_(bucket|sum|count)$/, ''))
      .filter((name) => !known.has(name))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(unknown, []);
  assert.ok(known.size > 20, String(known.size));
});

test('every npm script that is written down exists', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const unknown = documents.flatMap((document) =>
    linesToTypeIn(document)
      .map((line) => /\bnpm run ([\w:-]+)/.exec(line)?.[1])
      .filter((script) => script !== undefined && !(script in scripts))
      .map((script) => `${document.path}: npm run ${script}`),
  );
  assert.deepEqual(unknown, []);
});

test('the sizing of docs/operating.md is what docs/performance.md has measured, rounded', () => {
  const measured = read('docs/performance.md');
  /** Processor time of one request of a proxy, microseconds, in the table of this name. */
  const of = (proxy: string, title: string): number => {
    const [, table = ''] = measured.split(`### ${title}`);
    const row = table.split('\n').find((line) => line.startsWith(`| ${proxy} |`)) ?? '';
    return Number(row.split('|')[3]);
  };
  const expected = [
    ['small GET', of('watchgate', 'Small GET, 64 connections')],
    ['small GET, with the access log', of('watchgate, logging', 'Small GET, 64 connections')],
    ['POST of 1 KiB', of('watchgate', 'POST of 1 KiB, 64 connections')],
    ['small GET on a new connection', of('watchgate', 'A new connection for each request, 64 at a time')],
    ['each MiB of a response', of('watchgate', 'Download of 1 MiB, 16 connections')],
  ] as const;
  const rows = rowsUnder('| request | processor time |', read('docs/operating.md'));
  assert.deepEqual(
    rows.map(([request]) => request),
    expected.map(([request]) => request),
  );
  for (const [index, [request, µs]] of expected.entries()) {
    const said = Number.parseInt(rows[index]?.[1] ?? '', 10);
    assert.ok(Math.abs(said - µs) <= 0.3 * µs, `${request}: measured ${µs} µs, written ${said} µs`);
  }
});

/** Longer ones cannot be read side by side with anything, nor compared line by line. */
const LONGEST_LINE = 200;

test('no line of text is longer than a wide window', () => {
  // That one is made by a program, of names and versions.
  const written = documents.filter(({ path }) => path !== 'docs/performance.md');
  const long = written.flatMap((document) =>
    proseOf(document)
      .split('\n')
      // A row of a table, and an image, cannot be broken.
      .filter((line) => line.length > LONGEST_LINE && !/^(\||!\[|<)/.test(line))
      .map((line) => `${document.path}: ${line.slice(0, 60)}…`),
  );
  assert.deepEqual(long, []);
});

test('the examples in docs/admin-api.md have the members that the admin port answers, and no others', () => {
  const { views } = fakeGateway();
  /** Names of members, at every depth. */
  const membersOf = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.slice(0, 1).map(membersOf);
    if (typeof value !== 'object' || value === null) return null;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, membersOf(member)]));
  };
  const example = (heading: string): unknown => {
    const section =
      read('docs/admin-api.md')
        .split(/^### /m)
        .find((text) => text.startsWith(heading)) ?? '';
    return JSON.parse(/^```json\n(.*?)^```/ms.exec(section)?.[1] ?? '');
  };
  const invalidValues = [{ key: '/x', reason: 'has no :port' }];
  for (const [heading, answered] of [
    ['`/api/services`', views.services()[0]],
    ['`/api/registry`', views.registries().map((registry) => ({ ...registry, invalidValues }))],
    ['`/api/config`', views.config()],
    ['`/api/events`', [{ kind: 'membership', ...membershipChange() }]],
  ] as const) {
    const plain: unknown = JSON.parse(JSON.stringify(answered));
    assert.deepEqual(membersOf(example(heading)), membersOf(plain), heading);
  }
});

test('docs/causes.md has every cause as the catalogue has it, and a section on each', () => {
  const text = read('docs/causes.md');
  const rows = rowsUnder('| code |', text);
  const expected = Object.entries(causes).map(([code, { status, blamesEndpoint, retryAfterSeconds }]) => [
    `\`${code}\``,
    String(status),
    blamesEndpoint ? 'yes' : 'no',
    String(retryAfterSeconds ?? ''),
  ]);
  assert.deepEqual(rows, expected);
  const sections = [...text.matchAll(/^## ([A-Z_]+)$/gm)].map(([, code]) => code);
  assert.deepEqual(sections, Object.keys(causes));
});

/** Options by which an example of routes.yaml is told from one of another program. */
const OURS = ['routes', 'registry', 'registries', 'listen', 'autoRoutes', 'trustedProxies'];

test('every example of routes.yaml is valid', () => {
  let examples = 0;
  for (const document of documents) {
    // docs/configuration.md has a test of its own.
    if (document.path === 'docs/configuration.md') continue;
    for (const { language, text } of blocksOf(document)) {
      if (language !== 'yaml' || !isOurs(parse(text))) continue;
      examples += 1;
      const result = parseConfig(text, document.path, { ETCD_USERNAME: '', ETCD_PASSWORD: '' });
      assert.ok('settings' in result, `${JSON.stringify(result)}\n${text}`);
    }
  }
  assert.ok(examples >= 4, String(examples));
});

function isOurs(content: unknown): boolean {
  return typeof content === 'object' && content !== null && OURS.some((option) => option in content);
}

test('the first routes.yaml of the README means what the one in the project means', () => {
  const readme: Document = { path: 'README.md', text: read('README.md') };
  const example = blocksOf(readme).find(({ language }) => language === 'yaml');
  const shown = parseConfig(example?.text ?? '', 'README.md', {});
  const real = parseConfig(read('routes.yaml'), 'routes.yaml', {});
  assert.ok('settings' in shown && 'settings' in real);
  assert.ok(sameSettings(shown.settings, real.settings));
});

describe('README.zh-CN.md', () => {
  const [english, chinese] = ['README.md', 'README.zh-CN.md'].map((path) => ({ path, text: read(path) }));
  const both = <T>(of: (document: Document) => T): [T, T] => {
    assert.ok(english !== undefined && chinese !== undefined);
    return [of(chinese), of(english)];
  };

  test('has the sections, paragraphs, lists and tables of README.md', () => {
    // How each block begins: a heading, a list, a table, an image or text.
    const outline = (document: Document): string[] =>
      proseOf(document)
        .split(/\n{2,}/)
        .map((block) => block.trim())
        .filter((block) => block !== '' && block !== '以下文档为英文。')
        .map((block) => {
          const [, mark = 'text'] = /^(#+|- |\||<picture>)/.exec(block) ?? [];
          return `${mark} ${['text', '#', '##'].includes(mark) ? '' : block.split('\n').length}`;
        });
    assert.deepEqual(...both(outline));
  });

  test('has the same code, but for what comments say', () => {
    const code = (document: Document): Block[] =>
      blocksOf(document).map(({ language, text }) => ({ language, text: text.replace(/ +# .*$/gm, '') }));
    assert.deepEqual(...both(code));
  });

  test('links to the same places, and names the same things', () => {
    const links = (document: Document): string[] =>
      [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link = '']) => link)
        .filter((link) => !link.startsWith('README.'))
        .sort();
    assert.deepEqual(...both(links));
    assert.deepEqual(...both((document) => codeSpansOf(document).sort()));
  });
});

test('the import table of ARCHITECTURE.md is the one that the imports are held to', () => {
  const [, body = ''] =
    /^const ALLOWED\b[^=]*= \{\n(.*?)^\};/ms.exec(read('test/architecture.test.ts')) ?? [];
  const held = [...body.matchAll(/^ {2}'?([\w.-]+)'?: \[(.*?)\],$/gms)].map(([, room, allowed = '']) => [
    room,
    [...allowed.matchAll(/'([^']+)'/g)].map(([, name]) => name),
  ]);
  const written = rowsUnder('| room |', read('ARCHITECTURE.md')).map(([room = '', allowed = '']) => [
    room.replaceAll('`', ''),
    [...allowed.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  ]);
  assert.ok(held.length > 10, 'the table in test/architecture.test.ts was not understood');
  assert.deepEqual(written, held);
});

test('the picture of folders in ARCHITECTURE.md is how they are', () => {
  const picture = blocksOf({ path: '', text: read('ARCHITECTURE.md') })[0]?.text ?? '';
  const pictured: string[] = [];
  const parents: string[] = [];
  for (const [, indent = '', name = ''] of picture.matchAll(/^( *)([\w-]+(?:\/|\.ts))/gm)) {
    parents.splice(indent.length / 2);
    pictured.push([...parents, name].join(''));
    parents.push(name);
  }
  assert.deepEqual(
    pictured.filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
  const real = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.parentPath === join(ROOT, 'src'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)) + (entry.isDirectory() ? '/' : ''));
  assert.deepEqual(
    real.filter((path) => !pictured.includes(path)),
    [],
  );
});
