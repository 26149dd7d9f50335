// `npm test`: all set-up, then every gate in order. With CI=true nothing may be skipped.
// `npm test -- PATH…` runs only the tests at those paths; flags of `node --test` may be added.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady, root } from './setup.mjs';

/** With a toolchain of its own (`npm run test:go`), too long for every day (`npm run test:system`), or no tests. */
const APART = new Set(['go', 'system', 'support']);

const inCi = process.env.CI === 'true';
const flags = process.argv.slice(2).filter((arg) => arg.startsWith('-'));
const paths = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));

const say = (line) => process.stdout.write(`${line}\n`);

ensureReady();
// Later than the rest: what these need may only just have been installed.
const { ensureServers } = await import('./servers.mjs');
const { runCommand, runTests, testFiles } = await import('./run-tests.mjs');

function everything() {
  const names = readdirSync(join(root, 'test')).filter((name) => !APART.has(name));
  return names.map((name) => join('test', name)).filter((path) => !path.endsWith('.json'));
}

async function lint() {
  return (await runCommand([join('node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'ci', '.'])) === 0;
}

/** The page runs in a browser, where other things exist: it is a project of its own. */
const PROJECTS = ['tsconfig.json', join('src', 'admin', 'dashboard', 'client', 'tsconfig.json')];

async function types() {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  for (const project of PROJECTS) {
    if ((await runCommand([tsc, '--noEmit', '-p', project])) !== 0) return false;
  }
  return true;
}

async function servers() {
  const { missing } = await ensureServers();
  for (const line of missing) say(`${line}; its tests are skipped`);
  return !inCi || missing.length === 0;
}

async function tests() {
  const { passed, skipped } = await runTests(testFiles(paths.length > 0 ? paths : everything()), flags);
  for (const line of skipped) say(`skipped: ${line}`);
  if (inCi && skipped.length > 0) say('skipped tests are failures when CI=true');
  return passed && !(inCi && skipped.length > 0);
}

/** Runs the gates up to the first that fails; each is asked only when those before it hold. */
async function pass(gates) {
  for (const gate of gates) {
    const startedAt = performance.now();
    const held = await gate();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    say(`${held ? 'passed' : 'FAILED'}: ${gate.name} (${seconds} s)`);
    if (!held) return false;
  }
  return true;
}

const narrowed = paths.length > 0;
process.exitCode = (await pass(narrowed ? [servers, tests] : [lint, types, servers, tests])) ? 0 : 1;
