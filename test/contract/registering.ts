import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../../src/config/load.js';
import { type Gateway, startGateway } from '../../src/gateway.js';
import { Witness } from '../integration/registrar-support.js';
import { EtcdApi } from '../support/etcd-api.js';
import { type EtcdServer, etcdCommand, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { registeringSnippet } from '../support/snippets.js';

const PREFIX = '/service_registry_discovery';
const LEASE_MS = 3_000;

/** A program of docs/registering.md. */
export interface RegisteringProgram {
  /** Under which name it stands there. */
  readonly file: string;
  /** What runs it, given where it has been written to. */
  readonly command: (path: string) => Promise<readonly string[]>;
  /** Why it cannot be run here. */
  readonly missing?: string | undefined;
  /** Of a program that ended on SIGTERM; 0 when absent. */
  readonly exit?: number;
}

/** What whoever registers must do, in any language, on a real etcd and as a gateway sees it. */
export function describeRegistering(programs: readonly RegisteringProgram[]): void {
  describe('the programs of docs/registering.md', {
    skip: etcdVersions.includes('3.5') ? false : 'etcd 3.5 is not here',
    concurrency: true,
  }, () => {
    let etcd: EtcdServer;
    let api: EtcdApi;
    let gateway: Gateway;
    let folder: string;

    before(async () => {
      etcd = await startEtcd('3.5');
      api = new EtcdApi(etcd.endpoint);
      folder = await mkdtemp(join(tmpdir(), 'watchgate-snippets-'));
      const text = `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nautoRoutes: true\nregistry: { type: etcd, endpoints: ['${etcd.endpoint}'] }\n`;
      const parsed = parseConfig(text, 'routes.yaml', {});
      assert.ok('settings' in parsed, JSON.stringify(parsed));
      const logStream = { dropped: 0, write: () => undefined, close: async () => undefined };
      gateway = await startGateway({ settings: parsed.settings, logStream });
      await gateway.ready();
    });
    after(async () => {
      await gateway?.close();
      api?.close();
      await etcd?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function start(
      t: TestContext,
      { file, command }: RegisteringProgram,
      key: string,
      address: string,
    ) {
      const path = join(folder, file);
      await writeFile(path, registeringSnippet(file));
      const [run = '', ...args] = await command(path);
      // The first member cannot be reached: each has to find the second by itself.
      const members = `http://127.0.0.1:1,${etcd.endpoint}`;
      const child = spawn(run, [...args, members, key, address], {
        env: { ...process.env, PATH: `${dirname(etcdCommand('3.5', 'etcdctl'))}:${process.env['PATH']}` },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      t.after(() => child.kill('SIGKILL'));
      return child;
    }

    async function ended(child: ChildProcess): Promise<number | null> {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.exitCode;
    }

    for (const [index, program] of programs.entries()) {
      test(`${program.file} registers, renews, registers again when the lease is lost, and leaves`, {
        skip: program.missing ?? false,
      }, async (t) => {
        const service = program.file.replace('.', '-');
        const [key, address] = [`${PREFIX}/${service}/1`, `127.0.0.1:${5001 + index}`];
        const witness = await Witness.of(etcd.endpoint, `${PREFIX}/${service}/`);
        t.after(() => witness.close());
        const child = await start(t, program, key, address);
        let log = '';
        child.stderr?.setEncoding('utf8').on('data', (text: string) => {
          log += text;
        });
        const first = await witness.until(({ type }) => type === 'put');
        const lease = String(first.kv.lease);
        assert.notEqual(lease, '0', log);

        // Longer than it would live by itself.
        await sleep(LEASE_MS + 1_000);
        assert.deepEqual(await addressesOf(gateway, service), [address], log);

        await api.call('Lease/LeaseRevoke', { ID: lease });
        const second = await witness.until(({ type, kv }) => type === 'put' && String(kv.lease) !== lease);
        child.kill('SIGTERM');
        assert.equal(await ended(child), program.exit ?? 0, log);
        await witness.until(({ type }) => type === 'delete', witness.events.indexOf(second));
        const draining = JSON.stringify({ address, draining: true });
        assert.deepEqual(
          witness.story.map((step) => step.replaceAll(': ', ':').replaceAll(', ', ',')),
          [`put ${address}`, 'delete', `put ${address}`, `put ${draining}`, 'delete'],
        );
        const { TTL } = await api.call('Lease/LeaseTimeToLive', { ID: String(second.kv.lease) });
        assert.equal(String(TTL), '-1', 'the lease was revoked');
      });
    }
  });
}

async function addressesOf(gateway: Gateway, service: string): Promise<string[]> {
  const response = await fetch(`${gateway.adminAddress}/api/services/${service}`);
  const { endpoints }: { endpoints: readonly { address: string }[] } = JSON.parse(await response.text());
  return endpoints.map(({ address }) => address);
}
