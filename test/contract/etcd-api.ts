import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { bytes, EtcdApi, type Methods } from '../support/etcd-api.js';
import { describeKv } from './etcd-api-kv.js';
import { describeLeases } from './etcd-api-lease.js';
import { describeTxn } from './etcd-api-txn.js';
import { describeWatch } from './etcd-api-watch.js';

/** A server of the etcd v3 API, with what is particular to it. */
export interface EtcdServerUnderTest {
  /** `http://host:port` */
  readonly endpoint: string;
  /** etcd 3.4 does not have Auth/AuthStatus. */
  readonly hasAuthStatus: boolean;
  /** Whether a requested progress notice waits until the stream has every event; etcd before 3.4.25 and 3.5.8 let it overtake them. */
  readonly progressWaits: boolean;
  stop(): Promise<void>;
}

/** What one part of the contract needs. `key` makes names that no other test uses. */
export interface Context {
  readonly api: () => EtcdApi;
  readonly server: () => EtcdServerUnderTest;
  readonly key: (name: string) => Buffer;
  /** Puts a text and returns the revision. */
  readonly put: (key: Buffer, value: string, more?: Methods['KV/Put'][0]) => Promise<number>;
  readonly refused: (call: Promise<unknown>, code: status, details: string) => Promise<void>;
}

/**
 * The contract of the etcd v3 API, run on the embedded registry and on real etcd. `start` must give
 * a server that grants leases of one second and sends progress notices every 200 ms.
 */
export function describeEtcdApi(name: string, start: () => Promise<EtcdServerUnderTest>): void {
  describe(`the etcd v3 API of ${name}`, { timeout: 40_000, concurrency: false }, () => {
    let server: EtcdServerUnderTest | undefined;
    let api: EtcdApi | undefined;
    before(async () => {
      server = await start();
      api = new EtcdApi(server.endpoint);
    });
    after(async () => {
      api?.close();
      await server?.stop();
    });
    const context = contextOf(
      () => present(api),
      () => present(server),
    );
    describeKv(context);
    describeTxn(context);
    describeLeases(context);
    describeWatch(context);
    describeMember(context);
  });
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the server did not start');
  return value;
}

function contextOf(api: Context['api'], server: Context['server']): Context {
  let used = 0;
  return {
    api,
    server,
    key: (name) => bytes(`/${used++}/${name}`),
    put: async (key, value, more = {}) => {
      const { header } = await api().call('KV/Put', { key, value: bytes(value), ...more });
      return Number(header.revision);
    },
    refused: (call, code, details) => assert.rejects(call, { code, details }),
  };
}

function describeMember({ api, server, refused }: Context): void {
  test('the member names itself as leader of a cluster of one, at the same ids in every header', async () => {
    const state = await api().call('Maintenance/Status', {});
    const { header, members } = await api().call('Cluster/MemberList', {});
    assert.equal(members.length, 1);
    assert.equal(state.leader, members[0]?.ID);
    assert.equal(state.header.member_id, members[0]?.ID);
    assert.equal(state.header.cluster_id, header.cluster_id);
    assert.deepEqual(members[0]?.clientURLs, [server().endpoint]);
    assert.match(state.version, /^3\.[45]\.\d+$/);
    assert.ok(Number(state.dbSize) >= 0);
  });

  test('no alarm is raised', async () => {
    const { alarms } = await api().call('Maintenance/Alarm', { action: 'Get' });
    assert.deepEqual(alarms, []);
  });

  test('authentication is off: a log-in is refused, and the status says so where there is one', async () => {
    const login = api().call('Auth/Authenticate', { name: 'root', password: 'x' });
    await refused(login, status.FAILED_PRECONDITION, 'etcdserver: authentication is not enabled');
    const asked = api().call('Auth/AuthStatus', {});
    if (server().hasAuthStatus) assert.equal((await asked).enabled, false);
    else await assert.rejects(asked, { code: status.UNIMPLEMENTED });
  });
}
