// What `npm run demo` and `npm test` need before they start. Plain JavaScript without dependencies,
// because it runs before node_modules exists.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installedMatchesLock, newestChange, stampedAt } from './freshness.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const buildStamp = join(root, 'dist', '.built');

/** Everything that dist is made of. */
const BUILD_INPUTS = [
  'src',
  'examples',
  'scripts/build.mjs',
  'scripts/build-command.mjs',
  'scripts/build-page.mjs',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Ends the process with one line that says what to do. */
function giveUp(line) {
  process.stderr.write(`watchgate: ${line}\n`);
  process.exit(1);
}

/** Whether version `actual` is `wanted` or newer; both as `20.18.1`. */
export function isAtLeast(actual, wanted) {
  const parts = wanted.split('.').map(Number);
  const own = actual.split('.').map(Number);
  const at = parts.findIndex((part, index) => part !== own[index]);
  return at < 0 || own[at] > parts[at];
}

export function ensureNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wanted = engines.node.replace(/^>=\s*/, '');
  if (!isAtLeast(process.versions.node, wanted)) {
    giveUp(`Node.js ${wanted} or newer is needed; this is ${process.versions.node} (https://nodejs.org)`);
  }
}

/** Runs a command in the project with its output shown; resolves to its exit status, 1 when it could not start. */
function show(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  return status ?? 1;
}

/** The npm that started us, else the one on PATH. */
function npm(args) {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? show(process.execPath, [script, ...args]) : show('npm', args);
}

/** Installs what package-lock.json names, unless exactly that is there. */
export function ensureDependencies() {
  if (installedMatchesLock(root)) return;
  process.stderr.write('watchgate: installing dependencies (npm ci)\n');
  // A production setting in the environment must not leave out the compiler.
  if (npm(['ci', '--include=dev', '--no-audit', '--no-fund']) !== 0) {
    giveUp('npm ci failed, as shown above; check the network and the npm registry, then try again');
  }
}

/** Builds dist, unless it is newer than all that it is made of. */
export function ensureBuild() {
  const built = stampedAt(buildStamp);
  if (built !== undefined && newestChange(BUILD_INPUTS.map((path) => join(root, path))) < built) return;
  process.stderr.write('watchgate: building dist\n');
  if (show(process.execPath, [join(root, 'scripts', 'build.mjs')]) !== 0) {
    giveUp('the build failed, as shown above');
  }
}

/** All set-up that needs no test servers. */
export function ensureReady() {
  ensureNode();
  ensureDependencies();
  ensureBuild();
}
