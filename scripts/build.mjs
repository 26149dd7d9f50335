// Compiles src to dist, bundles the command there, and compiles the examples to dist/examples. The new dist
// is made aside and swapped in, so that a process running from the old one, or a build that fails, leaves
// something whole.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { extname, join, relative } from 'node:path';
import { buildStamp, root } from './setup.mjs';

/** Files beside the code that the code reads at run time. */
const ASSETS = new Set(['.proto']);

const at = (...parts) => join(root, ...parts);

/** Runs a script of ours or of a package, with its output shown. Throws when it fails. */
function run(script, ...args) {
  const { status, error } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${relative(root, script)} ${args.join(' ')} failed`);
}

function compile(...args) {
  run(at('node_modules', 'typescript', 'bin', 'tsc'), ...args);
}

/** What a build that was killed left behind; a living one is never this old. */
function sweep() {
  for (const name of readdirSync(root).filter((entry) => entry.startsWith('.dist-'))) {
    if (Date.now() - statSync(at(name)).mtimeMs > 600_000) rmSync(at(name), { recursive: true, force: true });
  }
}

function copyAssets(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !ASSETS.has(extname(entry.name))) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    cpSync(file, join(to, relative(from, file)));
  }
}

/** Puts `fresh` where dist is. dist has no stamp yet, so an end in between is not taken for a build. */
function swapIn(fresh) {
  const old = `${fresh}-old`;
  rmSync(buildStamp, { force: true });
  if (existsSync(at('dist'))) renameSync(at('dist'), old);
  renameSync(fresh, at('dist'));
  rmSync(old, { recursive: true, force: true });
}

function build() {
  // The stamp holds the time of the start: a file saved during the build is newer than its result.
  const startedAt = Date.now();
  const fresh = at(`.dist-${process.pid}`);
  try {
    // Beside dist, so that the relative paths inside source maps stay true after the move.
    compile('-p', 'tsconfig.build.json', '--outDir', fresh);
    copyAssets(at('src'), fresh);
    run(at('scripts', 'build-page.mjs'), join(fresh, 'admin', 'dashboard', 'bundle'));
    run(at('scripts', 'build-command.mjs'), fresh);
    swapIn(fresh);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  // The examples import the package by its name, so they come after dist is in place.
  if (existsSync(at('examples', 'tsconfig.json'))) compile('-p', 'examples/tsconfig.json');
  if (existsSync(at('dist', 'main.js'))) chmodSync(at('dist', 'main.js'), 0o755);
  writeFileSync(buildStamp, `${startedAt}\n`);
  return Date.now() - startedAt;
}

sweep();
try {
  process.stderr.write(`watchgate: built dist in ${build()} ms\n`);
} catch (error) {
  process.stderr.write(`watchgate: ${error.message}\n`);
  process.exitCode = 1;
}
