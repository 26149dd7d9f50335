import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { systemClock } from '../../src/core/clock.js';
import { startEmbeddedRegistry } from '../../src/embedded/server.js';
import { startEmbedded } from '../support/embedded-registry.js';
import { bytes, EtcdApi } from '../support/etcd-api.js';
import { freePort } from '../support/free-ports.js';

test('refuses an address that other machines can reach, and names the setting for a real cluster', async () => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'registry.example']) {
    await assert.rejects(startEmbeddedRegistry({ listen: { host, port: 0 }, clock: systemClock }), {
      code: 'BAD_FLAG',
      message: /not a loopback address.*registry: \{ type: etcd, endpoints: \[http:\/\/HOST:2379\] \}/,
    });
  }
});

test('listens on any loopback address and says where', async () => {
  const local = await startEmbedded({ listen: { host: 'localhost', port: 0 } });
  assert.equal(local.endpoint, `http://127.0.0.1:${local.port}`);
  const second = await startEmbedded({ listen: { host: '127.0.0.2', port: local.port } });
  assert.equal(second.endpoint, `http://127.0.0.2:${local.port}`);
  await Promise.all([local.close(), second.close()]);
});

test('a taken port is one clear line', async () => {
  const first = await startEmbedded();
  await assert.rejects(startEmbedded({ listen: { host: '127.0.0.1', port: first.port } }), {
    code: 'PORT_TAKEN',
    message: `embedded registry: 127.0.0.1:${first.port} is in use by another program`,
  });
  await first.close();
});

test('closing ends open watches and frees the port; the next start is another cluster, empty', async () => {
  const listen = { host: '127.0.0.1', port: await freePort() };
  const first = await startEmbedded({ listen });
  const before = new EtcdApi(first.endpoint);
  const watch = before.watch();
  await watch.create({ key: bytes('k') });
  const put = await before.call('KV/Put', { key: bytes('k'), value: bytes('v') });
  await watch.next();
  await Promise.all([first.close(), first.close(), assert.rejects(watch.next())]);
  before.close();

  const second = await startEmbedded({ listen });
  const after = new EtcdApi(second.endpoint);
  const { kvs, header } = await after.call('KV/Range', { key: bytes('k') });
  assert.deepEqual([kvs, header.revision], [[], '1']);
  assert.notEqual(header.cluster_id, put.header.cluster_id);
  after.close();
  await second.close();
});

test('what is not implemented says so', async () => {
  const registry = await startEmbedded();
  const api = new EtcdApi(registry.endpoint);
  await assert.rejects(api.call('Maintenance/HashKV', {}), { code: status.UNIMPLEMENTED });
  await assert.rejects(api.call('Auth/UserList', {}), { code: status.UNIMPLEMENTED });
  await assert.rejects(api.call('Maintenance/Alarm', { action: 'Activate' }), { code: status.UNIMPLEMENTED });
  api.close();
  await registry.close();
});

// Not in the contract: etcd 3.6 refuses it, 3.5 ignores the order and dies of the target.
test('a sort that does not exist is refused', async () => {
  const registry = await startEmbedded();
  const api = new EtcdApi(registry.endpoint);
  const unknown: number = 7;
  const refused = { code: status.INVALID_ARGUMENT, details: 'etcdserver: invalid sort option' };
  await assert.rejects(api.call('KV/Range', { key: bytes('k'), sort_order: unknown }), refused);
  await assert.rejects(api.call('KV/Range', { key: bytes('k'), sort_target: unknown }), refused);
  api.close();
  await registry.close();
});

// Not in the contract: an etcd keeps its history until it is told to compact it.
test('for a client that does not read nothing is queued, and it is told what it missed', async () => {
  const registry = await startEmbedded({ keepRevisions: 50 });
  const [slow, writer] = [new EtcdApi(registry.endpoint), new EtcdApi(registry.endpoint)];
  const watch = slow.watch();
  await watch.create({ key: bytes('k') });
  const value = Buffer.alloc(256 * 1024);
  for (let puts = 0; puts < 400; puts++) await writer.call('KV/Put', { key: bytes('k'), value });

  let [told, reply] = [0, await watch.next()];
  for (; !reply.canceled; reply = await watch.next()) told += reply.events.length;
  assert.ok(told < 100, `${told} of 400 events had been queued`);
  assert.ok(Number(reply.compact_revision) > 300, reply.compact_revision);
  slow.close();
  writer.close();
  await registry.close();
});

test('`watchgate registry` says when it is ready and what it is for, and ends at SIGTERM with 0', async () => {
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'registry', '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = String((await lines.next()).value);
  assert.match(ready, /^registry ready http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(String((await lines.next()).value), /this one machine .* registry: \{ type: etcd/);
  const api = new EtcdApi(ready.replace('registry ready ', ''));
  await api.call('KV/Put', { key: bytes('k') });
  api.close();
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});
