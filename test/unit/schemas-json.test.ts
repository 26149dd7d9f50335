import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Found, reason, recognise, registered } from '../support/recognised.js';

describe('grpc-naming', () => {
  const key = 'foo/bar/my-service/e1';
  const expected = [{ service: 'my-service', address: '10.0.0.1:9000' }];
  const found = (value: string, prefix = 'foo/bar'): Found => ({ key, value, prefix });

  test('what the Go client writes is read from any prefix above, the target included', () => {
    // endpoints.Manager.AddEndpoint(ctx, "foo/bar/my-service/e1", endpoints.Endpoint{Addr: …}).
    const value = '{"Op":0,"Addr":"10.0.0.1:9000","Metadata":null}';
    for (const prefix of ['', 'foo', 'foo/bar', 'foo/bar/my-service']) {
      assert.deepEqual(registered('grpc-naming', found(value, prefix)), expected);
    }
  });

  test('what etcd’s documentation puts with etcdctl is read too', () => {
    assert.deepEqual(
      registered('grpc-naming', found('{"Addr":"10.0.0.1:9000","Metadata":"blue"}')),
      expected,
    );
    assert.deepEqual(registered('grpc-naming', found('{"addr":"10.0.0.1:9000"}')), expected);
  });

  test('metadata that is an object is kept', () => {
    const value = '{"Op":0,"Addr":"10.0.0.1:9000","Metadata":{"version":"2","weight":3,"deep":{}}}';
    assert.deepEqual(registered('grpc-naming', found(value))[0]?.metadata, { version: '2', weight: '3' });
  });

  test('Op 1 takes the address back', () => {
    const value = '{"Op":1,"Addr":"10.0.0.1:9000","Metadata":null}';
    assert.deepEqual(registered('grpc-naming', found(value)), []);
  });

  test('what has no address is told so', () => {
    assert.equal(reason('grpc-naming', found('{"Op":0,"Addr":"","Metadata":{}}')), '"Addr" has no :port');
    assert.equal(reason('grpc-naming', found('{"Op":0}')), 'the value has no "Addr"');
    assert.equal(reason('grpc-naming', found('10.0.0.1:9000')), 'the value is not a JSON object');
    assert.match(reason('grpc-naming', { ...found('{"Addr":"a:1"}'), key: '/e1' }), /no valid service/);
  });
});

describe('kratos', () => {
  const key = '/microservices/helloworld/6c1d3b2e-f5f1-11ee-9b5c-0242ac120002';
  const instance = (changes: object): Found => ({
    key,
    prefix: '/microservices',
    value: JSON.stringify({
      id: '6c1d3b2e-f5f1-11ee-9b5c-0242ac120002',
      name: 'helloworld',
      version: 'v1.0.0',
      metadata: {},
      endpoints: ['http://10.0.0.1:8000', 'grpc://10.0.0.1:9000'],
      ...changes,
    }),
  });

  test('the plain HTTP address is the endpoint, the gRPC one is kept beside it', () => {
    assert.deepEqual(registered('kratos', instance({})), [
      {
        service: 'helloworld',
        address: '10.0.0.1:8000',
        metadata: { version: 'v1.0.0', grpc: '10.0.0.1:9000' },
      },
    ]);
  });

  test('the name in the value is the service, whatever the namespace and the prefix are', () => {
    for (const prefix of ['', '/deep', '/deep/microservices', '/deep/microservices/helloworld']) {
      assert.equal(
        registered('kratos', { ...instance({}), key: `/deep${key}`, prefix })[0]?.service,
        'helloworld',
      );
    }
    assert.equal(registered('kratos', instance({ name: '' }))[0]?.service, 'helloworld');
  });

  test('isSecure decides between plain HTTP and TLS; what we cannot speak is noted', () => {
    const endpoints = [
      'http://10.0.0.1:80?isSecure=false',
      'http://10.0.0.1:81?isSecure=true',
      'https://10.0.0.1:82',
      'grpc://10.0.0.1:90?isSecure=true',
    ];
    const [one, ...more] = registered('kratos', instance({ endpoints, version: '' }));
    assert.deepEqual(more, []);
    assert.equal(one?.address, '10.0.0.1:80');
    assert.deepEqual(one?.metadata, { https: '10.0.0.1:81,10.0.0.1:82', grpc: '10.0.0.1:90' });
  });

  test('its usual weight of 100 is our 1', () => {
    const weightOf = (weight: string) =>
      registered('kratos', instance({ metadata: { weight } }))[0]?.weight ?? 1;
    assert.deepEqual([weightOf('100'), weightOf('50'), weightOf('250')], [1, 0.5, 2.5]);
    assert.deepEqual([weightOf('0'), weightOf('-5'), weightOf('much')], [1, 1, 1]);
  });

  test('several HTTP addresses are several endpoints; a bad one does not take the others with it', () => {
    const found = instance({
      endpoints: ['http://10.0.0.1:80', 'http://10.0.0.256:80', 'http://10.0.0.2:80'],
    });
    const { registrations, rubbish } = recognise('kratos', found);
    assert.deepEqual(
      registrations.map(({ address }) => address.text),
      ['10.0.0.1:80', '10.0.0.2:80'],
    );
    assert.match(rubbish ?? '', /^"10.0.0.256:80" has no valid IP address/);
  });

  test('a service without plain HTTP is no endpoint, and told what it has', () => {
    assert.equal(
      reason('kratos', instance({ endpoints: ['grpc://10.0.0.1:9000', 'https://10.0.0.1:8443'] })),
      '"endpoints" names no plain HTTP address, only grpc, https',
    );
    for (const endpoints of [[], null, 'http://10.0.0.1:80', undefined]) {
      assert.equal(reason('kratos', instance({ endpoints })), '"endpoints" names no address');
    }
    for (const endpoint of ['10.0.0.1:80', 'http://', 7, 'http:10.0.0.1:80', null]) {
      assert.match(reason('kratos', instance({ endpoints: [endpoint] })), /no URL with a port/);
    }
    assert.match(
      reason('kratos', instance({ endpoints: ['http://u:p@10.0.0.1:80'] })),
      /no valid IP address/,
    );
    assert.match(reason('kratos', instance({ name: 'a/b' })), /no valid service name/);
    assert.match(reason('kratos', instance({ endpoints: Array(65).fill('http://a:1') })), /more than 64/);
  });
});

describe('kitex and hertz', () => {
  // json.Marshal(&instanceInfo{…}) under serviceKey(info.ServiceName, info.Addr.String()).
  const value = (changes: object = {}) =>
    JSON.stringify({ network: 'tcp', address: '10.0.0.1:8888', weight: 10, tags: null, ...changes });
  const found = (schema: string, changes: object = {}, prefix = `${schema}/registry-etcd`): Found => ({
    key: `${schema}/registry-etcd/echo/10.0.0.1:8888`,
    value: value(changes),
    prefix,
  });

  for (const schema of ['kitex', 'hertz'] as const) {
    test(`${schema}: its usual weight of 10, and any that is not above 0, is our 1`, () => {
      const weightOf = (weight: unknown) => registered(schema, found(schema, { weight }))[0]?.weight ?? 1;
      assert.deepEqual([10, 0, -1, undefined, 5, 25].map(weightOf), [1, 1, 1, 1, 0.5, 2.5]);
    });

    test(`${schema}: the service is the segment before the address, from any prefix above`, () => {
      for (const prefix of ['', schema, `${schema}/registry-etcd`, `${schema}/registry-etcd/echo`]) {
        assert.deepEqual(registered(schema, found(schema, {}, prefix)), [
          { service: 'echo', address: '10.0.0.1:8888' },
        ]);
      }
    });

    test(`${schema}: tags are metadata`, () => {
      const [one] = registered(schema, found(schema, { tags: { idc: 'a', cluster: 'blue' } }));
      assert.deepEqual(one?.metadata, { idc: 'a', cluster: 'blue' });
    });

    test(`${schema}: what cannot be reached over TCP is told so`, () => {
      assert.equal(
        reason(schema, found(schema, { network: 'unix', address: '/a.sock' })),
        '"network" is not tcp',
      );
      assert.equal(
        reason(schema, found(schema, { address: ':8888' })),
        '":8888" has no valid IP address or host name before the port',
      );
      assert.equal(reason(schema, found(schema, { address: 8888 })), 'the value has no "address"');
    });
  }

  test('with a prefix of its own, which kitex can be given, it is still told from our own object', () => {
    const own = { key: '/rpc/echo/10.0.0.1:8888', value: value(), prefix: '/rpc' };
    assert.equal(recognise('auto', own).schema, 'kitex');
    assert.deepEqual(registered('kitex', own), [{ service: 'echo', address: '10.0.0.1:8888' }]);
  });
});

describe('go-micro', () => {
  const key = '/micro/registry/go.micro.srv.greeter/go.micro.srv.greeter-1b7d2a6f';
  const method = (name: string) => ({
    name,
    request: { name: 'Request', type: 'Request', values: [{ name: 'name', type: 'string', values: null }] },
    response: { name: 'Response', type: 'Response', values: [{ name: 'msg', type: 'string', values: null }] },
    metadata: { address: '10.9.9.9:9' },
  });
  const node = (address: unknown, more: object = {}) => ({
    id: 'go.micro.srv.greeter-1b7d2a6f',
    address,
    metadata: { broker: 'http', protocol: 'mucp', registry: 'etcd', server: 'mucp', transport: 'http' },
    ...more,
  });
  const service = (changes: object): Found => ({
    key,
    prefix: '/micro/registry',
    value: JSON.stringify({
      name: 'go.micro.srv.greeter',
      version: 'latest',
      metadata: null,
      endpoints: Array.from({ length: 100 }, (_, index) => method(`Say.Hello${index}`)),
      nodes: [node('10.0.0.1:51234')],
      ...changes,
    }),
  });

  test('the address is that of its node, among a hundred methods which have none', () => {
    const [one, ...more] = registered('go-micro', service({}));
    assert.deepEqual(more, []);
    assert.deepEqual([one?.service, one?.address], ['go.micro.srv.greeter', '10.0.0.1:51234']);
    assert.deepEqual(one?.metadata, {
      version: 'latest',
      broker: 'http',
      protocol: 'mucp',
      registry: 'etcd',
      server: 'mucp',
      transport: 'http',
    });
  });

  test('several nodes are several endpoints; a bad one does not take the others with it', () => {
    const nodes = [node('10.0.0.1:1'), node('nowhere'), node('10.0.0.2:2'), null];
    const { registrations, rubbish } = recognise('auto', service({ nodes }));
    assert.deepEqual(
      registrations.map(({ address }) => address.text),
      ['10.0.0.1:1', '10.0.0.2:2'],
    );
    assert.equal(rubbish, 'nodes[1].address has no :port');
  });

  test('an old one has the port apart from the address', () => {
    const nodes = [node('10.0.0.1', { port: 8080 })];
    assert.equal(registered('go-micro', service({ nodes }))[0]?.address, '10.0.0.1:8080');
  });

  test('a slash in the name is the dash that it is in the key', () => {
    assert.equal(registered('go-micro', service({ name: 'team/greeter' }))[0]?.service, 'team-greeter');
    assert.equal(registered('go-micro', service({ name: undefined }))[0]?.service, 'go.micro.srv.greeter');
  });

  test('what has no address is told so', () => {
    for (const nodes of [[], null, {}]) {
      assert.equal(reason('go-micro', service({ nodes })), '"nodes" names no address');
    }
    assert.equal(reason('go-micro', service({ nodes: [node(7)] })), 'nodes[0].address is missing');
    assert.equal(reason('go-micro', service({ nodes: [3] })), 'nodes[0] is no object');
    assert.match(reason('go-micro', service({ nodes: Array(65).fill(node('a:1')) })), /more than 64/);
  });
});
