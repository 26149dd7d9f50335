// What Debian's package manager is asked for: files of packages, of a suite that need not be this machine's.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 180_000;

/** `KEY=value` pairs of /etc/os-release; none where there is no such file. */
export function osRelease() {
  try {
    const lines = readFileSync('/etc/os-release', 'utf8').matchAll(/^(\w+)="?([^"\n]*)"?$/gm);
    return Object.fromEntries([...lines].map(([, key, value]) => [key, value]));
  } catch {
    return {};
  }
}

/** One stanza of a deb822 file, or one line of the older form, as {uris, suites, components, signedBy}. */
function parseStanza(stanza) {
  const fields = {};
  let last = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const field = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    if (field !== null) last = field[1].toLowerCase();
    if (last !== '') fields[last] = `${fields[last] ?? ''} ${field === null ? line.trim() : field[2]}`.trim();
  }
  const words = (key) => (fields[key] ?? '').split(/\s+/).filter(Boolean);
  if (!words('types').includes('deb') || fields.enabled === 'no') return [];
  return [
    {
      uris: words('uris'),
      suites: words('suites'),
      components: words('components'),
      signedBy: fields['signed-by'],
    },
  ];
}

function parseLine(line) {
  const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line.trim());
  if (match === null) return [];
  const [, options = '', uri, suite, components] = match;
  const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1];
  return [{ uris: [uri], suites: [suite], components: components.trim().split(/\s+/), signedBy }];
}

/** Every package source that the machine's own apt uses, in both of apt's formats. */
function aptSources() {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list'];
  if (existsSync(folder)) files.push(...readdirSync(folder).map((file) => join(folder, file)));
  return files.filter(existsSync).flatMap((file) => {
    if (file.endsWith('.sources'))
      return readFileSync(file, 'utf8')
        .split(/\n\s*\n/)
        .flatMap(parseStanza);
    return file.endsWith('.list') ? readFileSync(file, 'utf8').split('\n').flatMap(parseLine) : [];
  });
}

/** The source that holds this Debian release itself, so not its security updates nor a third party's packages. */
export function debianMirror() {
  const { ID, VERSION_CODENAME } = osRelease();
  if (ID !== 'debian') return undefined;
  return aptSources().find(
    ({ suites, components }) => suites.includes(VERSION_CODENAME) && components.includes('main'),
  );
}

function aptOptions(work) {
  const settings = {
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': '-',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    // An empty list of installed packages: what this machine has must not decide which version is the candidate.
    'Dir::State::status': join(work, 'status'),
    // As root, apt would drop to a user who cannot write to the cache.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
  };
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

/** Paths of the packages' files. */
async function download(work, packages) {
  const options = { cwd: join(work, 'debs'), timeout: FETCH_TIMEOUT_MS };
  await run('apt-get', [...aptOptions(work), '-q', 'download', ...packages], options);
  return debsIn(options.cwd);
}

/** The same with every package that they need and that is not installed here: apt works out which, and installs none. */
async function downloadWithDependencies(work, packages) {
  const installed = ['-o', 'Dir::State::status=/var/lib/dpkg/status', '-o', 'Debug::NoLocking=1'];
  const command = ['-q', '-y', '--no-install-recommends', '--download-only', 'install', ...packages];
  await run('apt-get', [...aptOptions(work), ...installed, ...command], { timeout: FETCH_TIMEOUT_MS });
  return debsIn(join(work, 'cache', 'archives'));
}

function debsIn(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.deb'));
  return names.map((name) => join(folder, name));
}

/**
 * Downloads packages of a suite from a mirror and unpacks them in the folder `root` of `work`, which is empty before.
 * `withDependencies`: with the libraries that this machine lacks.
 */
export async function unpack(work, mirror, { suite, packages, withDependencies = false }) {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'debs', 'root']) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  const signed = mirror.signedBy?.startsWith('/') ? `[signed-by=${mirror.signedBy}] ` : '';
  writeFileSync(join(work, 'sources.list'), `deb ${signed}${mirror.uris[0]} ${suite} main\n`);
  writeFileSync(join(work, 'status'), '');
  const options = { cwd: join(work, 'debs'), timeout: FETCH_TIMEOUT_MS };
  await run('apt-get', [...aptOptions(work), '-q', 'update'], options);
  const debs = withDependencies
    ? await downloadWithDependencies(work, packages)
    : await download(work, packages);
  for (const deb of debs) await run('dpkg', ['-x', deb, join(work, 'root')], options);
}
