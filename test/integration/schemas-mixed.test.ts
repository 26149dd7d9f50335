import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EtcdServer, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { followSource, openMembers } from '../support/followed-source.js';
import { writeFrameworks } from '../support/framework-registrations.js';

const version = etcdVersions.at(-1);

describe('a cluster that every framework registers in', { skip: version === undefined }, () => {
  let etcd: EtcdServer;

  before(async () => {
    etcd = await startEtcd(version ?? '3.5');
  });
  after(() => etcd.stop());

  test('is served whole by one source of the whole registry', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    await writeFrameworks(member);
    const { endpoints, source, until } = followSource(t, { endpoints: [etcd.endpoint], prefix: '/' });
    await until('ready', (view) => view.ready && source.snapshot() !== undefined);
    const table = [...(source.snapshot()?.services.keys() ?? [])]
      .sort()
      .map((service) => [
        service,
        ...endpoints(service).map(
          ({ address, weight, standing }) =>
            address +
            (weight === 1 ? '' : ` weight ${weight}`) +
            (standing === 'listed' ? '' : ` ${standing}`),
        ),
      ]);
    assert.deepEqual(table, [
      ['Arith', '10.0.10.1:8972 weight 4', '10.0.10.2:8972 draining'],
      ['alone', '10.0.3.1:80'],
      ['echo', '10.0.7.1:8888', '10.0.7.2:8888 weight 3'],
      ['greeter', '10.0.9.1:51234', '10.0.9.2:51234'],
      ['helloworld', '10.0.6.1:8000 weight 0.5', '10.0.6.2:8000'],
      ['naming', '10.0.4.1:90', '10.0.4.2:90'],
      ['own', '10.0.2.1:80 weight 2', '10.0.2.2:80 draining'],
      ['plain', '10.0.1.1:80', '10.0.1.2:80'],
      ['user.rpc', '10.0.5.1:8080', '10.0.5.2:8080'],
      ['web', '10.0.8.1:8888'],
    ]);
    assert.deepEqual(source.view().invalidValues, []);
    assert.equal(endpoints('own')[0]?.zone, 'a');
    assert.deepEqual(endpoints('helloworld')[0]?.metadata['grpc'], '10.0.6.1:9000');
  });

  test('keys without a leading slash are followed at a prefix without one', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    const key = 'shop.rpc/7587883716236152099';
    const lease = await member.leaseGrant(10);
    await member.put(key, '10.1.0.1:8080', lease.id);
    const slashed = followSource(t, { endpoints: [etcd.endpoint], prefix: '/shop.rpc', schema: 'go-zero' });
    const { addresses } = followSource(t, {
      endpoints: [etcd.endpoint],
      prefix: 'shop.rpc',
      schema: 'go-zero',
    });
    await addresses('shop.rpc', ['10.1.0.1:8080']);
    await member.put('shop.rpc/7587883716236152100', '10.1.0.2:8080');
    await addresses('shop.rpc', ['10.1.0.1:8080', '10.1.0.2:8080']);
    await member.leaseRevoke(lease.id);
    await addresses('shop.rpc', ['10.1.0.2:8080']);
    await slashed.addresses('shop.rpc', []);
  });

  test('a prefix that is itself the key is a service of one endpoint, and its neighbours are not in it', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    await member.put('/service/b', '10.2.0.1:80');
    await member.put('/service/b-admin', '10.2.0.2:80');
    const options = { endpoints: [etcd.endpoint], prefix: '/service/b', schema: 'single-key' } as const;
    const { addresses, source } = followSource(t, options);
    await addresses('b', ['10.2.0.1:80']);
    await member.put('/service/b', '10.2.0.3:80');
    await member.put('/service/b-admin', '10.2.0.4:80');
    await addresses('b', ['10.2.0.3:80']);
    assert.deepEqual([...(source.snapshot()?.services.keys() ?? [])], ['b']);
    assert.deepEqual(source.view().invalidValues, []);
    await member.deleteRange('/service/b');
    await addresses('b', []);
  });

  test('schemas may share a prefix, and a key may change from one to another', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    const { addresses, endpoints, source, until } = followSource(t, {
      endpoints: [etcd.endpoint],
      prefix: '/mixed',
    });
    await until('connected', (view) => view.connected);
    await member.put('/mixed/goods/one', '10.3.0.1:80');
    await member.put('/mixed/goods/two', '{"Op":0,"Addr":"10.3.0.2:80","Metadata":null}');
    await member.put('/mixed/goods/tcp@10.3.0.3:80', 'weight=2');
    await addresses('goods', ['10.3.0.1:80', '10.3.0.2:80', '10.3.0.3:80']);
    await member.put('/mixed/goods/two', '{"Op":1,"Addr":"10.3.0.2:80","Metadata":null}');
    await member.put('/mixed/goods/one', '{"network":"tcp","address":"10.3.0.1:80","weight":20,"tags":{}}');
    await addresses('goods', ['10.3.0.1:80', '10.3.0.3:80']);
    await until('weights', () => endpoints('goods').every(({ weight }) => weight === 2));
    await member.put('/mixed/goods/tcp@10.3.0.3:80', 'weight=2&state=inactive');
    await until('drain', () => endpoints('goods')[1]?.standing === 'draining');
    assert.deepEqual(source.view().invalidValues, []);
  });

  test('rubbish is listed with its reason and fails nothing, of a value with several addresses only its part', async (t) => {
    const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
    const nodes = [{ address: '10.4.0.1:80' }, { address: '169.254.169.254:80' }, { address: '10.4.0.2:80' }];
    await member.put('/junk/greeter/one', JSON.stringify({ name: 'greeter', nodes }));
    await member.put('/junk/greeter/two', 'password=hunter2');
    await member.put('/junk/greeter/three', JSON.stringify({ host: '10.4.0.3', port: 80 }));
    const { addresses, source } = followSource(t, { endpoints: [etcd.endpoint], prefix: '/junk' });
    await addresses('greeter', ['10.4.0.1:80', '10.4.0.2:80']);
    assert.deepEqual(source.view().invalidValues, [
      { key: '/junk/greeter/one', reason: '169.254.169.254 is outside the allowed addresses' },
      { key: '/junk/greeter/three', reason: 'the value is a JSON object of no known schema' },
      { key: '/junk/greeter/two', reason: 'the value has no :port' },
    ]);
  });
});
