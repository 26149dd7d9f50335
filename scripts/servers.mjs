// Test servers, fetched through Debian's package manager into a cache folder; nothing is installed.
// Plain JavaScript without dependencies, because it runs before node_modules exists.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianMirror, unpack } from './apt.mjs';
import { describe, serverNames } from './server-table.mjs';

function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'watchgate', 'servers');
}

/** The server whose commands are at `paths`, or undefined when one is absent, does not run, or is another version. */
function inspect(name, paths) {
  const spec = describe(name);
  const [first] = spec.commands;
  if (spec.commands.some((command) => !existsSync(paths[command] ?? ''))) return undefined;
  try {
    const env = librariesOf(paths[first]);
    // Some name their version on standard error, and wrk calls it a failure.
    const { stdout, stderr } = spawnSync(paths[first], spec.versionArgs, {
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: 10_000,
      env: { ...process.env, ...env },
    });
    const version = spec.version.exec(`${stdout}\n${stderr}`)?.[1];
    return version === undefined ? undefined : { name, version, commands: paths, env };
  } catch {
    return undefined;
  }
}

/** What a fetched command must have in its environment to find the libraries that were fetched with it. */
function librariesOf(path) {
  if (!path.startsWith(cacheFolder() + sep)) return {};
  const root = path.slice(0, path.lastIndexOf(`${sep}usr${sep}`));
  const folder = join(root, 'usr', 'lib');
  if (!existsSync(folder)) return {};
  const machine = readdirSync(folder).find((name) => name.includes('-linux-'));
  if (machine === undefined) return {};
  // PulseAudio's own library is in a folder that only its linker path names.
  const folders = [join(folder, machine), join(folder, machine, 'pulseaudio')];
  return { LD_LIBRARY_PATH: folders.filter((one) => existsSync(one)).join(delimiter) };
}

function inFolders(commands, folders) {
  const pairs = commands.map((command) => [
    command,
    folders.map((folder) => join(folder, command)).find((path) => existsSync(path)),
  ]);
  return Object.fromEntries(pairs);
}

function fetchedCommands(name, root) {
  const { commands, folders = [] } = describe(name);
  const places = [...folders, 'usr/bin', 'usr/sbin', 'bin'].map((folder) => join(root, folder));
  return inFolders(commands, places);
}

/** The server as it is here now: in the cache, else on PATH when its version matches. Fetches nothing. */
export function findServer(name) {
  const { commands } = describe(name);
  return (
    inspect(name, fetchedCommands(name, join(cacheFolder(), name))) ??
    inspect(name, inFolders(commands, (process.env.PATH ?? '').split(delimiter).filter(Boolean)))
  );
}

/** Downloads and unpacks one server below the cache. The last step is a rename, so others see all of it or nothing. */
async function fetchServer(name, mirror) {
  const spec = describe(name);
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), `.fetching-${name}-`));
  try {
    await unpack(work, mirror, spec);
    if (inspect(name, fetchedCommands(name, join(work, 'root'))) === undefined) {
      throw new Error(`${spec.packages.join(', ')} of ${spec.suite} do not run here`);
    }
    publish(join(work, 'root'), join(cacheFolder(), name));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Moves a finished folder into place, replacing a broken one. Whoever was first wins a race. */
function publish(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    const name = to.slice(cacheFolder().length + 1);
    if (findServer(name) !== undefined) return;
    rmSync(to, { recursive: true, force: true });
    renameSync(from, to);
  }
}

/** One line: the last of what apt or dpkg said, or the error's own text. */
function reason(error) {
  const lines = String(error.stderr || error.message)
    .trim()
    .split('\n');
  return lines.findLast((line) => line.startsWith('E:')) ?? lines.at(-1);
}

async function ensureServer(name) {
  const here = findServer(name);
  if (here !== undefined) return here;
  const { suite, commands } = describe(name);
  const mirror = debianMirror();
  if (mirror === undefined) {
    throw new Error(
      `only Debian's package manager is asked for it; put ${commands.join(' and ')} of that version on PATH`,
    );
  }
  await fetchServer(name, mirror);
  const fetched = findServer(name);
  if (fetched === undefined) throw new Error(`Debian ${suite} has another version`);
  return fetched;
}

/**
 * Makes the named servers available, fetching what is absent. Safe to call from several processes at once.
 * Never throws for a server that cannot be had: `missing` then has one line saying which and why.
 */
export async function ensureServers(names = serverNames) {
  const found = {};
  const missing = [];
  for (const name of names) {
    try {
      found[name] = await ensureServer(name);
    } catch (error) {
      missing.push(`test server ${name} could not be had: ${reason(error)}`);
    }
  }
  return { found, missing };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  const { found, missing } = await ensureServers(wanted.length > 0 ? wanted : serverNames);
  for (const { name, version, commands } of Object.values(found)) {
    process.stdout.write(`${name}: ${version} ${Object.values(commands).join(' ')}\n`);
  }
  for (const line of missing) process.stdout.write(`${line}\n`);
}
