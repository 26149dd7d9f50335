import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { type ResolverOptions, type Resolvers, registerResolvers } from '../../src/grpc/resolvers.js';
import { consulMissing, startConsul } from '../support/consul-server.js';
import { bytes, EtcdApi } from '../support/etcd-api.js';
import { type EtcdServer, etcdctl, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { dialEcho, type EchoClient, startEcho } from '../support/grpc-echo.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { PATIENCE_MS } from '../support/wire.js';

function resolvers(t: TestContext, options: ResolverOptions): Resolvers {
  const made = registerResolvers(options);
  t.after(() => made.close());
  return made;
}

/** Calls until exactly these answer. */
async function answered(client: EchoClient, names: readonly string[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await client.answering().catch((error: unknown) => [String(error)]);
    if (seen.join() === names.join()) return;
    if (performance.now() > deadline) assert.deepEqual(seen, names);
    await sleep(20);
  }
}

async function unavailable(client: EchoClient, details: RegExp): Promise<void> {
  await assert.rejects(client.ask(), (error) => {
    assert.ok(error instanceof Error && 'code' in error && 'details' in error);
    assert.equal(error.code, status.UNAVAILABLE);
    assert.match(String(error.details), details);
    return true;
  });
}

/** Calls until one fails for this reason. */
async function untilUnavailable(client: EchoClient, details: RegExp): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const error = await client.ask().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined && details.test(String(error))) return;
    await sleep(20);
  }
  await unavailable(client, details);
}

describe('gRPC clients that dial etcd:///…', { skip: !etcdVersions.includes('3.5') }, () => {
  let etcd: EtcdServer;
  let api: EtcdApi;
  let names = 0;

  before(async () => {
    etcd = await startEtcd('3.5');
    api = new EtcdApi(etcd.endpoint);
  });
  after(async () => {
    api?.close();
    await etcd?.stop();
  });

  const endpoints = (): string[] => [etcd.endpoint];
  const put = async (key: string, value: string, lease = '0'): Promise<void> => {
    await api.call('KV/Put', { key: bytes(key), value: bytes(value), lease });
  };
  const remove = async (key: string): Promise<void> => {
    await api.call('KV/DeleteRange', { key: bytes(key) });
  };
  /** A name that no other test uses. */
  const fresh = (): string => `echo-${names++}`;

  test('finds the servers below /name/, in turn, and follows those that come and go', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints() } });
    const name = fresh();
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((server) => startEcho(t, server)));
    await put(`/${name}/a`, a?.address ?? '');
    await put(`/${name}/b`, JSON.stringify({ Op: 0, Addr: b?.address }));
    await put(`/${name}-admin/x`, '127.0.0.1:1');
    const client = dialEcho(t, `etcd:///${name}`);
    await answered(client, ['a', 'b']);
    await put(`/${name}/c`, c?.address ?? '');
    await answered(client, ['a', 'b', 'c']);
    await remove(`/${name}/a`);
    await answered(client, ['b', 'c']);
    await put(`/${name}/b`, JSON.stringify({ address: b?.address, draining: true }));
    await answered(client, ['c']);
  });

  test('with pick_first one server is used until it goes, then another', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints() } });
    const name = fresh();
    const servers = await Promise.all(['a', 'b'].map((server) => startEcho(t, server)));
    for (const [index, { address }] of servers.entries()) await put(`/${name}/${index}`, address);
    const client = dialEcho(t, `etcd:///${name}`, 'pick_first');
    const [first = ''] = await client.answering();
    const index = first === 'a' ? 0 : 1;
    assert.deepEqual(await client.answering(), [first]);
    await remove(`/${name}/${index}`);
    servers[index]?.stop();
    await answered(client, [first === 'a' ? 'b' : 'a']);
  });

  test('calls that wait for a server are answered when one comes; others fail and say why', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints() } });
    const name = fresh();
    const client = dialEcho(t, `etcd:///${name}`);
    const patient = client.ask({ waitForReady: true });
    await unavailable(client, new RegExp(`^etcd:///${name}: no server is registered$`));
    const server = await startEcho(t, 'late');
    await put(`/${name}/late`, server.address);
    assert.equal(await patient, 'late');
    assert.equal(await client.ask(), 'late');
  });

  test('while etcd has never been reached, calls that wait do so, and others fail and say why', async (t) => {
    const proxy = await startTcpProxy(new URL(etcd.endpoint).host);
    t.after(() => proxy.close());
    proxy.cut();
    resolvers(t, { etcd: `etcd://${proxy.address}` });
    const name = fresh();
    const server = await startEcho(t, 'a');
    await put(`/${name}/a`, server.address);
    const client = dialEcho(t, `etcd:///${name}`);
    const patient = client.ask({ waitForReady: true });
    await unavailable(client, new RegExp(`^etcd:///${name}: no answer from the registry: .`));
    await unavailable(dialEcho(t, `etcd:///${name}`, 'pick_first'), /no answer from the registry/);
    proxy.mend();
    assert.equal(await patient, 'a');
  });

  test('an outage of etcd changes nothing, and what happened meanwhile is seen after it', async (t) => {
    const proxy = await startTcpProxy(new URL(etcd.endpoint).host);
    t.after(() => proxy.close());
    const heard = new EventEmitter();
    resolvers(t, { etcd: `etcd://${proxy.address}`, onEvent: ({ kind }) => heard.emit(kind) });
    const name = fresh();
    const [a, b] = await Promise.all(['a', 'b'].map((server) => startEcho(t, server)));
    await put(`/${name}/a`, a?.address ?? '');
    const client = dialEcho(t, `etcd:///${name}`);
    const connected = once(heard, 'connected');
    await answered(client, ['a']);
    await connected;
    const disconnected = once(heard, 'disconnected');
    proxy.cut();
    await disconnected;
    await put(`/${name}/b`, b?.address ?? '');
    assert.deepEqual(await client.answering(), ['a']);
    proxy.mend();
    await answered(client, ['a', 'b']);
  });

  test('servers that etcd loses all at once are used while they accept connections', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints() } });
    const name = fresh();
    const [a, b] = await Promise.all(['a', 'b'].map((server) => startEcho(t, server)));
    const { ID: lease } = await api.call('Lease/LeaseGrant', { TTL: 60, ID: '0' });
    await put(`/${name}/a`, a?.address ?? '', lease);
    await put(`/${name}/b`, b?.address ?? '', lease);
    const client = dialEcho(t, `etcd:///${name}`);
    await answered(client, ['a', 'b']);
    await api.call('Lease/LeaseRevoke', { ID: lease });
    assert.deepEqual(await client.answering(50), ['a', 'b']);
    b?.stop();
    await answered(client, ['a']);
    a?.stop();
    await untilUnavailable(client, /no server is registered/);
  });

  test('the registry is believed at once with staleTtl 0, and a server that comes back is found', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints() }, staleTtl: 0 });
    for (const policy of ['round_robin', 'pick_first'] as const) {
      const name = fresh();
      const server = await startEcho(t, 'a');
      await put(`/${name}/a`, server.address);
      const client = dialEcho(t, `etcd:///${name}`, policy);
      await answered(client, ['a']);
      await remove(`/${name}/a`);
      // pick_first keeps the connection that it has, until that ends.
      if (policy === 'pick_first') server.stop();
      await untilUnavailable(client, /no server is registered/);
      const other = await startEcho(t, 'b');
      await put(`/${name}/b`, other.address);
      await answered(client, ['b']);
    }
  });

  test('pick_first, which keeps its connection when the last server is gone, says why when that ends too', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints() }, staleTtl: 0 });
    const name = fresh();
    const server = await startEcho(t, 'a');
    await put(`/${name}/a`, server.address);
    const keeps = dialEcho(t, `etcd:///${name}`, 'pick_first');
    const witness = dialEcho(t, `etcd:///${name}`);
    for (const client of [keeps, witness]) await answered(client, ['a']);
    await remove(`/${name}/a`);
    await untilUnavailable(witness, /no server is registered/);
    assert.equal(await keeps.ask(), 'a');
    server.stop();
    await untilUnavailable(keeps, /no server is registered/);
  });

  test('one watch serves all channels to a name, and ends with the last', async (t) => {
    const made = resolvers(t, { etcd: { endpoints: endpoints() } });
    const [name, other] = [fresh(), fresh()];
    const server = await startEcho(t, 'a');
    for (const each of [name, other]) await put(`/${each}/a`, server.address);
    const clients = Array.from({ length: 3 }, () => dialEcho(t, `etcd:///${name}`));
    for (const client of clients) await answered(client, ['a']);
    assert.equal(made.watches, 1);
    const third = dialEcho(t, `etcd:///${other}`);
    await answered(third, ['a']);
    assert.equal(made.watches, 2);
    for (const client of clients.slice(1)) client.close();
    assert.equal(made.watches, 2);
    clients[0]?.close();
    assert.equal(made.watches, 1);
    third.close();
    assert.equal(made.watches, 0);
    const again = dialEcho(t, `etcd:///${name}`);
    await answered(again, ['a']);
  });

  test('with a prefix one watch serves every name, each with its own servers', async (t) => {
    const made = resolvers(t, { etcd: `etcd://${new URL(etcd.endpoint).host}/services-of-a-team` });
    const [name, other] = [fresh(), fresh()];
    const [a, b] = await Promise.all(['a', 'b'].map((server) => startEcho(t, server)));
    await put(`/services-of-a-team/${name}/a`, a?.address ?? '');
    await put(`/services-of-a-team/${other}/b`, b?.address ?? '');
    const clients = [name, other].map((each) => dialEcho(t, `etcd:///${each}`));
    for (const [index, client] of clients.entries()) await answered(client, [index === 0 ? 'a' : 'b']);
    assert.equal(made.watches, 1);
    await put(`/services-of-a-team/${name}/b`, b?.address ?? '');
    for (const client of clients.slice(0, 1)) await answered(client, ['a', 'b']);
  });

  test('the target may name the registry, and several segments; the service is the authority', async (t) => {
    resolvers(t, { etcd: 'etcd://127.0.0.1:1' });
    const name = fresh();
    const server = await startEcho(t, 'a');
    await put(`/team/${name}/a`, server.address);
    const { host } = new URL(etcd.endpoint);
    const client = dialEcho(t, `etcd://${host},${host}/team/${name}`);
    assert.equal(await client.askFull({ waitForReady: true }), `a as ${name}`);
  });

  test('an empty prefix reads keys without a leading slash, as etcd’s naming for Go and go-zero write them', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints(), prefix: '' } });
    const name = fresh();
    const [a, b] = await Promise.all(['a', 'b'].map((server) => startEcho(t, server)));
    await put(`${name}/7587883716236152071`, a?.address ?? '');
    await put(`${name}/${b?.address}`, JSON.stringify({ Op: 0, Addr: b?.address }));
    await put(`/${name}/x`, '127.0.0.1:1');
    await answered(dialEcho(t, `etcd:///${name}`), ['a', 'b']);
  });

  test('a key that is the whole service is read with the schema single-key', async (t) => {
    resolvers(t, { etcd: { endpoints: endpoints(), schema: 'single-key' } });
    const name = fresh();
    const server = await startEcho(t, 'a');
    await put(`/${name}`, server.address);
    await answered(dialEcho(t, `etcd:///${name}`), ['a']);
  });

  test('closed resolvers leave channels the servers they have, and give new ones none', async (t) => {
    const made = resolvers(t, { etcd: { endpoints: endpoints() } });
    const name = fresh();
    const server = await startEcho(t, 'a');
    await put(`/${name}/a`, server.address);
    const client = dialEcho(t, `etcd:///${name}`);
    await answered(client, ['a']);
    await made.close();
    await made.close();
    assert.equal(made.watches, 0);
    assert.deepEqual(await client.answering(), ['a']);
    await unavailable(dialEcho(t, `etcd:///${name}`), /resolvers of this process were closed/);
  });

  test('with name and password, below what that user may read', async (t) => {
    const name = fresh();
    const server = await startEcho(t, 'a');
    await put(`/${name}/a`, server.address);
    for (const args of [
      ['user', 'add', 'root:root-secret'],
      ['user', 'grant-role', 'root', 'root'],
      ['user', 'add', 'client:a secret'],
      ['role', 'add', 'client'],
      ['role', 'grant-permission', 'client', 'read', `/${name}/`, '--prefix'],
      ['user', 'grant-role', 'client', 'client'],
      ['auth', 'enable'],
    ]) {
      const { code, stderr } = await etcdctl('3.5', etcd.endpoint, args);
      assert.equal(code, 0, stderr);
    }
    t.after(() => etcdctl('3.5', etcd.endpoint, ['--user=root:root-secret', 'auth', 'disable']));
    const made = resolvers(t, { etcd: `etcd://client:a%20secret@${new URL(etcd.endpoint).host}` });
    assert.equal(await dialEcho(t, `etcd:///${name}`).ask(), 'a');
    await made.close();
    resolvers(t, { etcd: { endpoints: endpoints(), username: 'client', password: 'wrong' } });
    await unavailable(
      dialEcho(t, `etcd:///${name}`),
      /^etcd:\/\/\/\S+: no answer from the registry: .*(?<!secret.*)$/,
    );
  });
});

describe('gRPC clients that dial consul:///…', { skip: consulMissing ?? false }, () => {
  test('find the servers whose checks pass, all or those with a tag, and follow them', async (t) => {
    const consul = await startConsul();
    t.after(() => consul.stop());
    const [a, b] = await Promise.all(['a', 'b'].map((server) => startEcho(t, server)));
    const register = (
      id: string,
      server: typeof a,
      tags: string[],
      check: 'passing' | 'critical' = 'passing',
    ) =>
      consul.register({
        id,
        name: 'echo',
        address: '127.0.0.1',
        port: Number(server?.address.split(':')[1]),
        tags,
        status: check,
      });
    const made = resolvers(t, { consul: `consul://${consul.address}` });
    const client = dialEcho(t, 'consul:///echo');
    const patient = client.ask({ waitForReady: true });
    await unavailable(client, /^consul:\/\/\/echo: no server is registered$/);
    await register('a', a, ['v1']);
    assert.equal(await patient, 'a');
    await register('b', b, ['v2']);
    await answered(client, ['a', 'b']);
    const next = dialEcho(t, `consul://${consul.address}/echo?tag=v2`);
    await answered(next, ['b']);
    assert.equal(await next.askFull(), 'b as echo');
    await register('a', a, ['v1'], 'critical');
    await consul.api('PUT', '/v1/agent/check/fail/service:a');
    a?.stop();
    await answered(client, ['b']);
    assert.equal(made.watches, 2);
  });
});
