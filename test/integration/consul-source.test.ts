import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import {
  type ConsulSource,
  type ConsulSourceOptions,
  createConsulSource,
} from '../../src/discovery/consul/source.js';
import { type ConsulServer, consulMissing, startConsul } from '../support/consul-server.js';
import { type FollowedSource, follow } from '../support/followed-source.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const skip = consulMissing ?? false;

type Options = Partial<ConsulSourceOptions> & Pick<ConsulSourceOptions, 'endpoints'>;

function followConsul(t: Parameters<typeof follow>[0], options: Options): FollowedSource<ConsulSource> {
  return follow(t, (announce) =>
    createConsulSource({ name: 'main', clock: systemClock, random: systemRandom, announce, ...options }),
  );
}

const only = (...services: string[]) => ({ services, all: false });

describe('a Consul source', { skip, concurrency: 4 }, () => {
  let consul: ConsulServer;
  before(async () => {
    consul = await startConsul();
  });
  after(() => consul.stop());

  test('lists what passes, with weight, zone, metadata and tags, and says where it has got to', async (t) => {
    await consul.register({
      id: 'a1',
      name: 'rich',
      address: '10.0.0.1',
      port: 80,
      tags: ['v2', 'eu'],
      meta: { zone: 'a', team: 'shop' },
      weight: 7,
    });
    const { addresses, endpoints, source } = followConsul(t, {
      endpoints: [consul.endpoint],
      wanted: only('rich'),
    });
    await addresses('rich', ['10.0.0.1:80']);
    const [one] = endpoints('rich');
    assert.deepEqual(
      [one?.weight, one?.zone, one?.metadata, one?.standing, one?.keys],
      [7, 'a', { team: 'shop', tags: 'v2,eu' }, 'listed', ['rich/only/a1']],
    );
    const view = source.view();
    assert.deepEqual(
      [view.type, view.connected, view.ready, view.member],
      ['consul', true, true, consul.endpoint],
    );
    assert.ok(Number(view.revision) > 0 && view.revision === source.snapshot()?.revision);
    assert.ok(view.confirmedMsAgo !== null && view.confirmedMsAgo < 5_000);
  });

  test('hears of every change while its query waits', async (t) => {
    const { addresses } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('goods') });
    await addresses('goods', []);
    await consul.register({ id: 'g1', name: 'goods', address: '10.0.0.1', port: 80 });
    await addresses('goods', ['10.0.0.1:80']);
    await consul.register({ id: 'g2', name: 'goods', address: 'fd00::2', port: 80 });
    await addresses('goods', ['10.0.0.1:80', '[fd00::2]:80']);
    await consul.api('PUT', '/v1/agent/service/deregister/g1');
    await addresses('goods', ['[fd00::2]:80']);
  });

  test('drops an endpoint whose check turns critical, and takes it back when it passes', async (t) => {
    await consul.register({ id: 'c1', name: 'checked', address: '10.0.0.1', port: 80 });
    const { addresses } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('checked') });
    await addresses('checked', ['10.0.0.1:80']);
    await consul.api('PUT', '/v1/agent/check/fail/service:c1');
    await addresses('checked', []);
    await consul.api('PUT', '/v1/agent/check/pass/service:c1');
    await addresses('checked', ['10.0.0.1:80']);
  });

  test('takes the address of the node where a service has none', async (t) => {
    await consul.register({ id: 'n1', name: 'nodeless', port: 8080 });
    const { addresses } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('nodeless') });
    await addresses('nodeless', ['127.0.0.1:8080']);
  });

  test('selects by tags: those that carry all of them, and follows a change of tags', async (t) => {
    await consul.register({ id: 't1', name: 'tagged', address: '10.0.0.1', port: 80, tags: ['v1', 'eu'] });
    await consul.register({ id: 't2', name: 'tagged', address: '10.0.0.2', port: 80, tags: ['v2', 'eu'] });
    const wanted = only('tagged', 'tagged?tag=v2', 'tagged?tag=eu&tag=v1');
    const { addresses, source } = followConsul(t, { endpoints: [consul.endpoint], wanted });
    await addresses('tagged', ['10.0.0.1:80', '10.0.0.2:80']);
    await addresses('tagged?tag=v2', ['10.0.0.2:80']);
    await addresses('tagged?tag=eu&tag=v1', ['10.0.0.1:80']);
    assert.equal(source.view().endpoints, 2, 'each address counts once');
    await consul.register({ id: 't1', name: 'tagged', address: '10.0.0.1', port: 80, tags: ['v2'] });
    await addresses('tagged?tag=v2', ['10.0.0.1:80', '10.0.0.2:80']);
    await addresses('tagged?tag=eu&tag=v1', []);
  });

  test('marks as draining what says so in its metadata', async (t) => {
    await consul.register({ id: 'd1', name: 'leaving', address: '10.0.0.1', port: 80 });
    const { addresses, endpoints, until } = followConsul(t, {
      endpoints: [consul.endpoint],
      wanted: only('leaving'),
    });
    await addresses('leaving', ['10.0.0.1:80']);
    const meta = { draining: 'true' };
    await consul.register({ id: 'd1', name: 'leaving', address: '10.0.0.1', port: 80, meta });
    await until('draining', () => endpoints('leaving')[0]?.standing === 'draining');
  });

  test('skips and shows what has no usable address, and keeps the rest', async (t) => {
    await consul.register({ id: 'r1', name: 'rubbish', address: '10.0.0.1', port: 80 });
    await consul.register({ id: 'r2', name: 'rubbish', address: '10.0.0.2', port: 0 });
    await consul.register({ id: 'r3', name: 'rubbish', address: '169.254.169.254', port: 80 });
    const { addresses, source } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('rubbish') });
    await addresses('rubbish', ['10.0.0.1:80']);
    assert.deepEqual(
      source.view().invalidValues.map(({ key }) => key),
      ['rubbish/only/r2', 'rubbish/only/r3'],
    );
  });

  test('counts two registrations of one address as one endpoint while either lives', async (t) => {
    await consul.register({ id: 'w1', name: 'twice', address: '10.0.0.1', port: 80 });
    await consul.register({ id: 'w2', name: 'twice', address: '10.0.0.1', port: 80 });
    const { addresses, endpoints, until } = followConsul(t, {
      endpoints: [consul.endpoint],
      wanted: only('twice'),
    });
    await addresses('twice', ['10.0.0.1:80']);
    assert.deepEqual(endpoints('twice')[0]?.keys, ['twice/only/w1', 'twice/only/w2']);
    await consul.api('PUT', '/v1/agent/service/deregister/w1');
    await until('one key', () => endpoints('twice')[0]?.keys.join() === 'twice/only/w2');
  });

  test('follows the whole catalogue when asked to, but for Consul itself', async (t) => {
    await consul.register({ id: 'x1', name: 'known', address: '10.0.0.1', port: 80 });
    const { addresses, source } = followConsul(t, { endpoints: [consul.endpoint] });
    await addresses('known', ['10.0.0.1:80']);
    await consul.register({ id: 'x2', name: 'new', address: '10.0.0.2', port: 80 });
    await addresses('new', ['10.0.0.2:80']);
    await consul.api('PUT', '/v1/agent/service/deregister/x2');
    await addresses('new', []);
    assert.equal(source.snapshot()?.services.has('consul'), false);
    await consul.register({ id: 'x2', name: 'new', address: '10.0.0.3', port: 80 });
    await addresses('new', ['10.0.0.3:80']);
  });

  test('follows other services from the moment they are wanted', async (t) => {
    await consul.register({ id: 'f1', name: 'first', address: '10.0.0.1', port: 80 });
    await consul.register({ id: 'f2', name: 'second', address: '10.0.0.2', port: 80, tags: ['v2'] });
    const { addresses, source } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('first') });
    await addresses('first', ['10.0.0.1:80']);
    source.want(only('second?tag=v2'));
    await addresses('second?tag=v2', ['10.0.0.2:80']);
    await addresses('first', []);
    source.want(only('second'));
    await addresses('second', ['10.0.0.2:80']);
    await addresses('second?tag=v2', []);
  });

  test('keeps its view through an outage, says how old it is, and goes on afterwards', async (t) => {
    const proxy = await startTcpProxy(consul.address);
    t.after(() => proxy.close());
    await consul.register({ id: 'o1', name: 'outage', address: '10.0.0.1', port: 80 });
    const wanted = only('outage');
    const { addresses, until, endpoints } = followConsul(t, {
      endpoints: [`http://${proxy.address}`],
      wanted,
    });
    await addresses('outage', ['10.0.0.1:80']);
    proxy.cut();
    await until('disconnected', (view, events) => !view.connected && events.at(-1)?.kind === 'disconnected');
    assert.equal(endpoints('outage').length, 1);
    await consul.register({ id: 'o2', name: 'outage', address: '10.0.0.2', port: 80 });
    proxy.mend();
    await addresses('outage', ['10.0.0.1:80', '10.0.0.2:80']);
    await until('connected', (view) => view.connected && view.lastError === null);
  });

  test('closes at once, though its queries wait for a minute', async (t) => {
    const { addresses, source } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('closing') });
    await addresses('closing', []);
    const startedAt = performance.now();
    await source.close();
    assert.ok(performance.now() - startedAt < 1_000);
  });
});

test('a Consul source outlives its registry: its data lost, or an agent that hangs', {
  skip,
}, async (t) => {
  const consul = await startConsul();
  t.after(() => consul.stop());
  const other = await startConsul();
  t.after(() => other.stop());
  const wanted = only('goods');

  await t.test('reads all again when the index went backwards, and says so', async (t) => {
    for (const id of ['1', '2', '3', '4']) {
      await consul.register({ id, name: 'goods', address: `10.0.0.${id}`, port: 80 });
    }
    const { addresses, until } = followConsul(t, { endpoints: [consul.endpoint], wanted });
    await addresses('goods', ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80']);
    await consul.restartEmpty();
    await addresses('goods', []);
    await until('reset', (_view, events) => events.some(({ detail }) => detail === 'revision-went-back'));
    await consul.register({ id: '9', name: 'goods', address: '10.0.0.9', port: 80 });
    await addresses('goods', ['10.0.0.9:80']);
  });

  await t.test('leaves an agent that hangs for another one, long before its query is over', async (t) => {
    await other.register({ id: '9', name: 'goods', address: '10.0.0.9', port: 80 });
    const endpoints = [consul.endpoint, other.endpoint];
    const { addresses, until } = followConsul(t, { endpoints, wanted, random: () => 0 });
    await addresses('goods', ['10.0.0.9:80']);
    consul.kill('SIGSTOP');
    t.after(() => consul.kill('SIGCONT'));
    await until('moved on', (view) => view.member === other.endpoint && view.connected);
  });
});

test('a Consul source with access control', { skip }, async (t) => {
  const acl = { enabled: true, default_policy: 'deny', tokens: { master: 'master-secret' } };
  const consul = await startConsul({ settings: { acl } });
  t.after(() => consul.stop());
  const register = (id: string) =>
    consul.api(
      'PUT',
      '/v1/agent/service/register',
      { ID: id, Name: 'goods', Address: `10.0.0.${id}`, Port: 80 },
      'master-secret',
    );
  await register('1');

  await t.test('reads with its token', async (t) => {
    const token = 'master-secret';
    const { addresses } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('goods'), token });
    await addresses('goods', ['10.0.0.1:80']);
  });

  await t.test('is not ready, and says why without the token, when the token is unknown', async (t) => {
    const token = 'not-a-token-of-theirs';
    const { until } = followConsul(t, { endpoints: [consul.endpoint], wanted: only('goods'), token });
    await until('refused', (view) => view.lastError !== null && /403/.test(view.lastError) && !view.ready);
    await until('no secret', (view) => !JSON.stringify(view).includes(token));
  });
});
