// Test servers, fetched through Debian's package manager into a cache folder; nothing is installed.
// Plain JavaScript without dependencies, because it runs before node_modules exists.
import { execFile, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 180_000;

/**
 * Each server: the Debian suite and packages that hold it, the commands that must be there, and how
 * to see that the first of them runs and is the right version. `withDependencies` also fetches the
 * libraries that this machine lacks.
 */
const SERVERS = {
  'etcd-3.4': {
    suite: 'bookworm',
    packages: ['etcd-server', 'etcd-client'],
    commands: ['etcd', 'etcdctl'],
    versionArgs: ['--version'],
    version: /^etcd Version: (3\.4\.\d+)/m,
  },
  'etcd-3.5': {
    suite: 'trixie',
    packages: ['etcd-server', 'etcd-client'],
    commands: ['etcd', 'etcdctl'],
    versionArgs: ['--version'],
    version: /^etcd Version: (3\.5\.\d+)/m,
  },
  consul: {
    suite: 'bullseye',
    packages: ['consul'],
    commands: ['consul'],
    versionArgs: ['version'],
    version: /^Consul v?(1\.8\.\d+)/m,
  },
  // Not a server, but had in the same way: its kustomize renders k8s/.
  kubectl: {
    suite: 'trixie',
    packages: ['kubectl'],
    commands: ['kubectl'],
    versionArgs: ['version', '--client'],
    version: /^Client Version: v(1\.32\.\d+)$/m,
  },
  // Runs the alerts of k8s/monitoring; promtool checks them. The one of this suite needs the oldest C library.
  prometheus: {
    suite: 'bookworm',
    packages: ['prometheus'],
    commands: ['prometheus', 'promtool'],
    versionArgs: ['--version'],
    version: /^prometheus, version (2\.\d+\.\d+)/m,
  },
  // The shells that `watchgate completion` writes for, besides bash.
  zsh: {
    suite: 'bookworm',
    packages: ['zsh'],
    commands: ['zsh'],
    versionArgs: ['--version'],
    version: /^zsh (5\.\d+)/m,
  },
  fish: {
    suite: 'bookworm',
    packages: ['fish', 'fish-common', 'libpcre2-32-0'],
    commands: ['fish'],
    versionArgs: ['--version'],
    version: /^fish, version (3\.\d+)/m,
  },
  // The browser that the page of the admin port is tested in: any version that this Debian has.
  chromium: {
    suite: osRelease().VERSION_CODENAME,
    packages: ['chromium'],
    withDependencies: true,
    // Its /usr/bin/chromium is a script that knows only the place where Debian would install it.
    folders: ['usr/lib/chromium'],
    commands: ['chromium'],
    versionArgs: ['--version'],
    version: /^Chromium (\d[\d.]*)/m,
  },
};

/**
 * What `npm run bench` measures, and measures with. The libraries that a bare Debian does not have
 * are fetched beside them, so that nothing needs to be installed.
 */
const BENCH_SERVERS = {
  nginx: {
    suite: 'bookworm',
    packages: ['nginx'],
    commands: ['nginx'],
    versionArgs: ['-v'],
    version: /nginx\/(1\.\d+\.\d+)/,
  },
  haproxy: {
    suite: 'bookworm',
    packages: ['haproxy', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'],
    commands: ['haproxy'],
    versionArgs: ['-v'],
    version: /^HAProxy version (2\.\d+\.\d+)/m,
  },
  caddy: {
    suite: 'bookworm',
    packages: ['caddy'],
    commands: ['caddy'],
    versionArgs: ['version'],
    version: /^v?(2\.\d+\.\d+)/m,
  },
  wrk: {
    suite: 'bookworm',
    packages: ['wrk', 'libluajit-5.1-2'],
    commands: ['wrk'],
    versionArgs: ['-v'],
    version: /^wrk \D*(4\.\d+\.\d+)/m,
  },
};

/** What the tests need. */
export const serverNames = Object.keys(SERVERS);
/** What only the benchmark needs. */
export const benchServerNames = Object.keys(BENCH_SERVERS);

function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'watchgate', 'servers');
}

function describe(name) {
  const spec = SERVERS[name] ?? BENCH_SERVERS[name];
  if (spec === undefined)
    throw new Error(
      `no such test server: ${name} (there are ${[...serverNames, ...benchServerNames].join(', ')})`,
    );
  return spec;
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

/** `KEY=value` pairs of /etc/os-release; none where there is no such file. */
function osRelease() {
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
function debianMirror() {
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

/** Downloads and unpacks one server below the cache. The last step is a rename, so others see all of it or nothing. */
async function fetchServer(name, mirror) {
  const { suite, packages, withDependencies = false } = describe(name);
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), `.fetching-${name}-`));
  try {
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
    if (inspect(name, fetchedCommands(name, join(work, 'root'))) === undefined) {
      throw new Error(`${packages.join(', ')} of ${suite} do not run here`);
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
