// Whether what is on disk is newer than what it was made from. Plain JavaScript without dependencies,
// because it runs before node_modules exists.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * When anything at or below `paths` last changed, in milliseconds since the epoch; 0 when none is there.
 * Folders count too: their time moves when a file in them is deleted or renamed.
 */
export function newestChange(paths) {
  let newest = 0;
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    newest = Math.max(newest, stat.mtimeMs);
    if (stat.isDirectory()) newest = Math.max(newest, newestChange(childrenOf(path)));
  }
  return newest;
}

function childrenOf(folder) {
  return readdirSync(folder)
    .filter((name) => name !== 'node_modules')
    .map((name) => join(folder, name));
}

/** The time that a build wrote into its stamp; undefined when there is no finished build. */
export function stampedAt(stamp) {
  const time = Number(readText(stamp));
  return time > 0 ? time : undefined;
}

/**
 * Whether node_modules holds exactly the packages that package-lock.json names. npm records what it
 * installed in node_modules/.package-lock.json as its last step. Contents are compared, not times:
 * `git checkout` touches the lock file without changing it, and a restored cache keeps old times.
 */
export function installedMatchesLock(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  const names = new Set([...Object.keys(wanted), ...Object.keys(installed)]);
  names.delete('');
  return [...names].every((name) => agree(wanted[name], installed[name]));
}

/** An optional package may be absent: npm leaves out those of other platforms. */
function agree(wanted, installed) {
  if (wanted === undefined) return false;
  if (installed === undefined) return wanted.optional === true || wanted.devOptional === true;
  return wanted.version === installed.version && wanted.integrity === installed.integrity;
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
