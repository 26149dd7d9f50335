import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { outlineOf } from '../../src/cli/command-outline.js';
import { manPage } from '../../src/cli/man-page.js';
import { wholeProgram } from '../../src/cli/program.js';

const run = promisify(execFile);
const FILE = fileURLToPath(new URL('../../man/watchgate.1', import.meta.url));
const HOW_TO = 'make it again: node --import tsx src/cli/write-man-page.ts man/watchgate.1';
const program = await wholeProgram();
const commands = outlineOf(program);

test('the manual in the package is the one that the commands make', () => {
  const facts = { version: program.version() ?? '', description: program.description() };
  // Line by line: the whole of both would be pages of output.
  const [written, made] = [readFileSync(FILE, 'utf8'), manPage(facts, commands)].map((text) =>
    text.split('\n'),
  );
  const differing = made?.findIndex((line, index) => line !== written?.[index]) ?? 0;
  assert.ok(differing < 0 && made?.length === written?.length, `${made?.[differing]}: ${HOW_TO}`);
  const { man, files } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.equal(man, './man/watchgate.1');
  assert.ok(files.includes('man'));
});

const GROFF = ['/usr/bin/groff', '/usr/local/bin/groff'].find(existsSync);

/** Standard on most systems, and in no minimal image: what is not here is not asked. */
if (GROFF !== undefined) {
  test('groff sets it without a warning, and every flag can be read in it', async () => {
    const { stdout, stderr } = await run(GROFF, ['-ww', '-man', '-Tutf8', '-P-cbou', FILE]);
    assert.equal(stderr, '');
    for (const { flags } of commands.flatMap(({ options }) => options))
      assert.ok(stdout.includes(flags), flags);
  });
}

test('every command has a help with examples, of itself', () => {
  for (const { name, after } of commands) {
    const [, examples = ''] = /Examples?:\n((?: {2}\S.*\n?)+)/.exec(after) ?? [];
    assert.match(examples, new RegExp(`watchgate ${name}\\b|npm run ${name}\\b`), name);
  }
});
