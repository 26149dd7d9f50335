import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '../../src/core/clock.js';
import { EtcdError } from '../../src/etcd/errors.js';
import { EtcdMember } from '../../src/etcd/member.js';
import { parseKeyUrl, withCredentials } from '../../src/live-config/key-location.js';
import { KeyOrigin } from '../../src/live-config/key-origin.js';
import { type EtcdVersion, etcdCommand, etcdVersions } from '../support/etcd-server.js';
import { followSource, openMembers } from '../support/followed-source.js';
import { freePorts } from '../support/free-ports.js';

const run = promisify(execFile);

interface Pki {
  readonly folder: string;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** A certificate authority, and one certificate that serves for both ends. */
async function makePki(): Promise<Pki> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-tls-'));
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: folder });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...ec,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=test-ca',
    '-days',
    '2',
  );
  await openssl('req', ...ec, '-keyout', 'etcd.key', '-out', 'etcd.csr', '-subj', '/CN=etcd');
  await writeFile(
    join(folder, 'ext'),
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  const sign = ['x509', '-req', '-in', 'etcd.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  await openssl(...sign, '-extfile', 'ext', '-out', 'etcd.crt', '-days', '2');
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'etcd.crt', 'etcd.key'].map((file) => readFile(join(folder, file))),
  );
  assert.ok(ca && cert && key);
  return { folder, tls: { ca, cert, key } };
}

/** An etcd that speaks only TLS and wants a certificate from its clients. */
async function startTlsEtcd(
  version: EtcdVersion,
  pki: Pki,
): Promise<{ endpoint: string; stop(): Promise<void> }> {
  const [clientPort, peerPort] = await freePorts(2);
  const [client, peer] = [`https://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`];
  const child = spawn(
    etcdCommand(version, 'etcd'),
    [
      `--data-dir=${join(pki.folder, version)}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      ...['--cert-file=etcd.crt', '--key-file=etcd.key', '--trusted-ca-file=ca.crt', '--client-cert-auth'],
      '--logger=zap',
    ],
    { cwd: pki.folder, stdio: 'ignore' },
  );
  return {
    endpoint: client,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

for (const version of etcdVersions) {
  describe(`etcd ${version} over TLS`, () => {
    let pki: Pki;
    let etcd: Awaited<ReturnType<typeof startTlsEtcd>>;

    before(async () => {
      pki = await makePki();
      etcd = await startTlsEtcd(version, pki);
    });
    after(async () => {
      await etcd.stop();
      await rm(pki.folder, { recursive: true, force: true });
    });

    test('a source with the right authority, certificate and key follows it', async (t) => {
      const options = { endpoints: [etcd.endpoint], tls: pki.tls };
      const followed = followSource(t, { ...options, prefix: '/services' });
      await followed.until('connected', (view) => view.connected);
      await openMembers(t, options).current().put('/services/goods/a', '10.0.0.1:80');
      await followed.addresses('goods', ['10.0.0.1:80']);
    });

    test('a configuration is read from a key with the PEM files that the environment names', async (t) => {
      const members = openMembers(t, { endpoints: [etcd.endpoint], tls: pki.tls });
      await members.current().put('/watchgate/routes', 'routes: []');
      const file = (name: string): string => join(pki.folder, name);
      const variables = {
        ETCD_CA: file('ca.crt'),
        ETCD_CERT: file('etcd.crt'),
        ETCD_KEY: file('etcd.key'),
      };
      const url = `${etcd.endpoint.replace('https:', 'etcds:')}/watchgate/routes`;
      const location = await withCredentials(parseKeyUrl(url), variables);
      const origin = await KeyOrigin.open({ location, waiting: () => {} });
      t.after(() => origin.close());
      assert.equal(await origin.read(), 'routes: []');
    });

    for (const [what, tlsOf] of [
      ['an authority that the system does not know', () => undefined],
      ['no certificate of its own', ({ tls }: Pki) => ({ ca: tls.ca })],
    ] as const) {
      test(`a client with ${what} is kept out, and hears of it before its deadline`, async (t) => {
        const member = new EtcdMember({ endpoint: etcd.endpoint, tls: tlsOf(pki), clock: systemClock });
        t.after(() => member.close());
        await assert.rejects(
          member.range({ key: '/x' }),
          (error) => error instanceof EtcdError && error.fault === 'unavailable',
        );
      });
    }
  });
}
