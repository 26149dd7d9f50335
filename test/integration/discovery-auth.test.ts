import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { EtcdError } from '../../src/etcd/errors.js';
import { parseKeyUrl, withCredentials } from '../../src/live-config/key-location.js';
import { KeyOrigin } from '../../src/live-config/key-origin.js';
import { type EtcdServer, etcdctl, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { followSource, openMembers } from '../support/followed-source.js';

const ROOT = { username: 'root', password: 'root-secret' };
const READER = { username: 'reader', password: 'reader-secret' };

for (const version of etcdVersions) {
  describe(`etcd ${version} with authentication switched on`, () => {
    let etcd: EtcdServer;

    const asRoot = async (...args: string[]): Promise<void> => {
      const { code, stderr } = await etcdctl(version, etcd.endpoint, [
        `--user=${ROOT.username}:${ROOT.password}`,
        ...args,
      ]);
      assert.equal(code, 0, stderr);
    };

    before(async () => {
      // The lowest cost of bcrypt: these tests are not about passwords.
      etcd = await startEtcd(version, { args: ['--bcrypt-cost=4'] });
      for (const args of [
        ['user', 'add', `${ROOT.username}:${ROOT.password}`],
        ['user', 'grant-role', 'root', 'root'],
        ['user', 'add', `${READER.username}:${READER.password}`],
        ['role', 'add', 'services'],
        ['role', 'grant-permission', 'services', 'read', '/services/', '--prefix'],
        ['user', 'grant-role', 'reader', 'services'],
        ['role', 'grant-permission', 'services', 'read', '/watchgate/routes'],
        ['role', 'add', 'nothing'],
        ['auth', 'enable'],
      ]) {
        const { code, stderr } = await etcdctl(version, etcd.endpoint, args);
        assert.equal(code, 0, stderr);
      }
    });
    after(() => etcd.stop());

    /** etcd forgets the tokens of a user whose roles change. */
    const forgetTokens = async (): Promise<void> => {
      await asRoot('user', 'grant-role', 'reader', 'nothing');
      await asRoot('user', 'revoke-role', 'reader', 'nothing');
    };

    test('a source reads with name and password, as a user who may read no more than its prefix', async (t) => {
      const root = openMembers(t, { endpoints: [etcd.endpoint], ...ROOT }).current();
      const { addresses, until } = followSource(t, {
        endpoints: [etcd.endpoint],
        prefix: '/services',
        ...READER,
      });
      await until('connected', (view) => view.connected);
      await root.put('/services/goods/a', '10.0.0.1:80');
      await addresses('goods', ['10.0.0.1:80']);
      await root.deleteRange('/services/', { prefix: true });
    });

    test('a configuration is read as a user who may read no more than its key, and no other user', async (t) => {
      await asRoot('put', '/watchgate/routes', 'routes: []');
      const location = parseKeyUrl(`${etcd.endpoint.replace('http:', 'etcd:')}/watchgate/routes`);
      const as = async (username: string, password: string) =>
        withCredentials(location, { ETCD_USERNAME: username, ETCD_PASSWORD: password });
      const { username, password } = READER;
      const origin = await KeyOrigin.open({ location: await as(username, password), waiting: () => {} });
      t.after(() => origin.close());
      assert.equal(await origin.read(), 'routes: []');
      const changed = new Promise<void>((resolve) => {
        origin.follow({ onChange: resolve, announce: () => {}, clock: systemClock });
      });
      await asRoot('put', '/watchgate/routes', 'routes: [ ]');
      await changed;
      const refused = { code: 'REGISTRY_DENIED', message: /^cannot read etcd:[^@]*\/watchgate\/routes: / };
      await assert.rejects(
        KeyOrigin.open({ location: await as(username, 'wrong'), waiting: () => {} }),
        refused,
      );
      await assert.rejects(KeyOrigin.open({ location, waiting: () => {} }), refused);
    });

    test('a call whose token is refused gets a new one and is made again', async (t) => {
      const reader = openMembers(t, { endpoints: [etcd.endpoint], ...READER }).current();
      await reader.range({ key: '/services/x' });
      await forgetTokens();
      const calls = Array.from({ length: 20 }, () => reader.range({ key: '/services/x' }));
      assert.equal((await Promise.all(calls)).length, 20);
    });

    test('a watch whose token has expired is opened again with a new one', async (t) => {
      const followed = followSource(t, { endpoints: [etcd.endpoint], prefix: '/services', ...READER });
      await followed.until('connected', (view) => view.connected);
      // Tokens live in the memory of the member: after this the old one is worth nothing.
      await etcd.restart();
      const root = openMembers(t, { endpoints: [etcd.endpoint], ...ROOT });
      await root.call((member) => member.put('/services/goods/b', '10.0.0.2:80'));
      await followed.addresses('goods', ['10.0.0.2:80']);
      await root.current().deleteRange('/services/', { prefix: true });
    });

    test('a refused token on an open connection is noticed and replaced, and the view goes on', async (t) => {
      const root = openMembers(t, { endpoints: [etcd.endpoint], ...ROOT }).current();
      const followed = followSource(t, { endpoints: [etcd.endpoint], prefix: '/services', ...READER });
      await followed.until('connected', (view) => view.connected);
      await forgetTokens();
      const forgotten = performance.now();
      await followed.until(
        'confirmed with a new token',
        (view) => (view.confirmedMsAgo ?? Infinity) < performance.now() - forgotten - 100,
      );
      await root.put('/services/goods/c', '10.0.0.3:80');
      await followed.addresses('goods', ['10.0.0.3:80']);
      await root.deleteRange('/services/', { prefix: true });
    });

    test('a wrong password, a forbidden prefix and no name at all are told apart from an outage', async (t) => {
      const members = [{ ...READER, password: 'wrong' }, READER, {}].map((user) =>
        openMembers(t, { endpoints: [etcd.endpoint], ...user }).current(),
      );
      const faults = await Promise.all(
        members.map((member) =>
          member.range({ key: '/forbidden' }).then(
            () => 'none',
            (error: unknown) => (error instanceof EtcdError ? error.fault : error),
          ),
        ),
      );
      assert.deepEqual(faults, ['denied', 'denied', 'unauthenticated']);
    });

    test('a source that is denied says so, is not ready, and becomes ready once it may read', async (t) => {
      const followed = followSource(t, { endpoints: [etcd.endpoint], prefix: '/secret', ...READER });
      await followed.until('denied', (view) => view.lastError?.includes('permission denied') ?? false);
      assert.equal(followed.source.view().ready, false);
      await asRoot('role', 'grant-permission', 'services', 'read', '/secret/', '--prefix');
      await followed.until('ready', (view) => view.ready && view.connected);
    });
  });

  test(`name and password do no harm on an etcd ${version} that asks for none`, async (t) => {
    const etcd = await startEtcd(version);
    t.after(() => etcd.stop());
    const member = openMembers(t, { endpoints: [etcd.endpoint], ...ROOT }).current();
    assert.deepEqual((await member.range({ key: '/x' })).kvs, []);
  });
}
