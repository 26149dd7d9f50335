// `npm run test:go`: a Go service written against etcd's own client, on real etcd, behind the gateway.
// Uses Debian's packages for Go and for the client; installs them when it may.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureReady, root } from './setup.mjs';

const PACKAGES = ['golang-go', 'golang-etcd-server-dev'];
/** Where Debian puts the sources of Go packages. */
const GOPATH = '/usr/share/gocode';
const CLIENT = join(GOPATH, 'src', 'go.etcd.io', 'etcd', 'clientv3');

const service = join(root, '.cache', 'go-service', 'goods');

function giveUp(line) {
  process.stderr.write(`watchgate: ${line}\n`);
  process.exit(1);
}

function works(command, args, options = {}) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], ...options }).status === 0;
}

function hasToolchain() {
  return existsSync(CLIENT) && works('go', ['version'], { stdio: 'ignore' });
}

function ensureToolchain() {
  if (hasToolchain()) return;
  const install = `apt-get install ${PACKAGES.join(' ')}`;
  if (process.getuid?.() !== 0 || !works('apt-get', ['--version'], { stdio: 'ignore' })) {
    giveUp(`Go and etcd's client for it are missing; as root on Debian: ${install}`);
  }
  process.stderr.write(`watchgate: installing Go (${install})\n`);
  const args = ['-q', '-y', '--no-install-recommends'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const installed =
    works('apt-get', ['-q', 'update'], { env }) &&
    works('apt-get', [...args, 'install', ...PACKAGES], { env }) &&
    hasToolchain();
  if (!installed) giveUp(`${install} failed, as shown above`);
}

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'watchgate', 'go-build');
const env = { ...process.env, GOPATH, GO111MODULE: 'off', GOFLAGS: '-trimpath', GOCACHE: cache };

function buildService() {
  const cwd = join(root, 'examples', 'go-service');
  // No .go file there is a test; vet finds what compiles and is wrong all the same.
  const built =
    works('go', ['vet', '.'], { cwd, env }) && works('go', ['build', '-o', service, '.'], { cwd, env });
  if (!built) giveUp('the Go service could not be built, as shown above');
}

ensureReady();
ensureToolchain();
buildService();
const { ensureServers } = await import('./servers.mjs');
const { runTests, testFiles } = await import('./run-tests.mjs');
const { missing } = await ensureServers(['etcd-3.5']);
if (missing.length > 0) giveUp(missing.join('\n'));
const { passed, skipped } = await runTests(testFiles(['test/go']), process.argv.slice(2), {
  ...env,
  WATCHGATE_GO_SERVICE: service,
});
process.exitCode = passed && skipped.length === 0 ? 0 : 1;
