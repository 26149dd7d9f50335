// The servers that tests and the benchmark run, and which of Debian's packages hold them.
import { osRelease } from './apt.mjs';

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

/** What is known of a server. Throws for one that is not here. */
export function describe(name) {
  const spec = SERVERS[name] ?? BENCH_SERVERS[name];
  if (spec === undefined)
    throw new Error(
      `no such test server: ${name} (there are ${[...serverNames, ...benchServerNames].join(', ')})`,
    );
  return spec;
}
