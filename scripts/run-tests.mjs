// Runs test files with Node's own runner, in one run, and tells what it left out.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './setup.mjs';

/** A file that hangs must fail by name, long before the whole run is given up. */
const TEST_TIMEOUT_MS = 120_000;
/** A process that a killed test left behind can hold the run's output open for ever. */
const RUN_TIMEOUT_MS = 600_000;
/** Most tests wait for servers rather than for the processor. */
const CONCURRENCY = Math.max(3, availableParallelism());
/** These hold the clock to something, or the processor to a cost: they run last, one at a time. */
const ALONE = named([
  'dashboard[a-z-]*',
  'ejection',
  'regression-guard',
  'keep-alive-latency',
  'registrar-registration',
  'slow-endpoint',
]);

function named(names) {
  return new RegExp(`(?:^|/)(?:${names.join('|')})\\.test\\.ts$`);
}

/**
 * Starts a command in the project, with the terminal handed over; resolves to its exit status, 1 when it was cut short.
 * A SIGTERM to us is passed on: a terminal signals the whole group, but a supervisor only its child.
 */
export function runCommand(args, env = process.env) {
  return new Promise((resolve, reject) => {
    const options = { cwd: root, env, stdio: 'inherit', timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL' };
    const child = spawn(process.execPath, args, options);
    const passOn = () => child.kill('SIGTERM');
    process.once('SIGTERM', passOn);
    child.once('error', reject);
    child.once('exit', (status) => {
      process.off('SIGTERM', passOn);
      resolve(status ?? 1);
    });
  });
}

/** Test files at or below `paths`, sorted and relative to the project. Throws for a path that is not there. */
export function testFiles(paths) {
  return paths.flatMap((path) => {
    const full = join(root, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat === undefined) throw new Error(`no such test file or folder: ${path}`);
    if (stat.isFile()) return [relative(root, full)];
    const names = readdirSync(full, { recursive: true }).filter((name) => name.endsWith('.test.ts'));
    return names.map((name) => relative(root, join(full, name))).sort();
  });
}

function reporterArgs(reporter, destination) {
  return [`--test-reporter=${reporter}`, `--test-reporter-destination=${destination}`];
}

function ownReporter(name) {
  return pathToFileURL(join(root, 'scripts', 'reporters', name)).href;
}

/** Resolves to whether all passed, and one line for each test that was skipped. */
export async function runTests(files, flags = [], env = process.env) {
  const groups = [
    { files: files.filter((file) => !ALONE.test(file)), concurrency: CONCURRENCY },
    { files: files.filter((file) => ALONE.test(file)), concurrency: 1 },
  ];
  const result = { passed: true, skipped: [] };
  for (const group of groups.filter((one) => one.files.length > 0)) {
    const { passed, skipped } = await runGroup(group, flags, env);
    result.passed &&= passed;
    result.skipped.push(...skipped);
  }
  return result;
}

async function runGroup({ files, concurrency }, flags, env) {
  const work = mkdtempSync(join(tmpdir(), 'watchgate-test-'));
  try {
    const list = join(work, 'skipped');
    const status = await runCommand(
      [
        ...['--import', 'tsx', '--test'],
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${TEST_TIMEOUT_MS}`,
        ...reporterArgs(process.stdout.isTTY ? 'spec' : ownReporter('closing-lines.mjs'), 'stdout'),
        ...reporterArgs(ownReporter('skipped.mjs'), list),
        ...flags,
        ...files,
      ],
      env,
    );
    return { passed: status === 0, skipped: readFileSync(list, 'utf8').split('\n').filter(Boolean) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
