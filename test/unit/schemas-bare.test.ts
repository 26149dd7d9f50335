import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reason, recognise, registered } from '../support/recognised.js';

const value = '10.0.0.1:8080';

describe('go-zero', () => {
  // discov.NewPublisher(hosts, "user.rpc", "10.0.0.1:8080").KeepAlive() on etcd 3.5.
  const key = 'user.rpc/7587883716236152071';
  const expected = [{ service: 'user.rpc', address: value }];

  test('the key that the service is configured with is its name, the lease id stands after it', () => {
    assert.deepEqual(registered('go-zero', { key, value, prefix: '' }), expected);
  });

  test('the prefix may be that key itself', () => {
    assert.deepEqual(registered('go-zero', { key, value, prefix: 'user.rpc' }), expected);
  });

  test('of a key with several segments the last is the name', () => {
    for (const prefix of ['', 'prod', 'prod/user.rpc']) {
      assert.deepEqual(registered('go-zero', { key: `prod/${key}`, value, prefix }), expected);
    }
  });

  test('an id of its own, given by WithId, is as good as a lease id', () => {
    assert.deepEqual(registered('go-zero', { key: 'user.rpc/12', value, prefix: '' }), expected);
  });

  test('a key with a leading slash is read the same when the schema is named', () => {
    assert.deepEqual(
      recognise('go-zero', { key: `/prod/${key}`, value, prefix: '' }).registrations.length,
      1,
    );
  });

  test('what is no lease id, service or address is told so', () => {
    assert.match(reason('go-zero', { key: 'user.rpc/host', value, prefix: '' }), /lease id/);
    assert.match(reason('go-zero', { key: '12345', value, prefix: '' }), /no valid service/);
    assert.match(reason('go-zero', { key, value: 'user.rpc', prefix: '' }), /no :port/);
  });
});

describe('a single key', () => {
  test('is named by its last segment, directly below the prefix', () => {
    const found = { key: '/service/b', value, prefix: '/service' };
    assert.deepEqual(registered('single-key', found), [{ service: 'b', address: value }]);
  });

  test('may be the prefix itself', () => {
    const found = { key: '/service/b', value, prefix: '/service/b' };
    assert.deepEqual(registered('single-key', found), [{ service: 'b', address: value }]);
  });

  test('further below it has to be named as one, since it could be a host of a service', () => {
    const found = { key: '/service/prod/b', value, prefix: '/service' };
    assert.equal(recognise('single-key', found).registrations[0]?.service, 'b');
    assert.deepEqual(
      [recognise('auto', found).schema, recognise('auto', found).registrations[0]?.service],
      ['plain', 'prod'],
    );
  });

  test('that only begins like the prefix is somebody else’s', () => {
    const found = { key: '/service/b-admin', value, prefix: '/service/b' };
    assert.deepEqual(recognise('single-key', found), { schema: 'single-key', registrations: [] });
  });

  test('without a valid name or address is told so', () => {
    assert.match(reason('single-key', { key: '/service/', value, prefix: '/service' }), /service name/);
    assert.match(reason('single-key', { key: '/service/b', value: 'b', prefix: '/service' }), /no :port/);
  });
});

describe('rpcx', () => {
  // EtcdV3RegisterPlugin{ServiceAddress: "tcp@10.0.0.1:8972", BasePath: "/rpcx_test"}, Register("Arith", …, metadata).
  const key = '/rpcx_test/Arith/tcp@10.0.0.1:8972';
  const prefix = '/rpcx_test';
  const address = '10.0.0.1:8972';

  test('the address is in the key, and the value may be empty', () => {
    assert.deepEqual(registered('rpcx', { key, value: '', prefix }), [{ service: 'Arith', address }]);
  });

  test('a base without a leading slash, with several segments and above the prefix is read the same', () => {
    const elsewhere = { key: 'com/example/rpcx/Arith/tcp@[fd00::1]:8972', value: '' };
    for (const above of ['', 'com', 'com/example/rpcx', 'com/example/rpcx/Arith']) {
      assert.deepEqual(registered('rpcx', { ...elsewhere, prefix: above }), [
        { service: 'Arith', address: '[fd00::1]:8972' },
      ]);
    }
  });

  test('weight is a share, state=inactive drains, the rest is metadata, form-encoded', () => {
    const value = 'group=blue%20one&serverid=7&state=inactive&weight=5&tags=a+b';
    assert.deepEqual(registered('rpcx', { key, value, prefix }), [
      {
        service: 'Arith',
        address,
        weight: 5,
        metadata: { group: 'blue one', serverid: '7', tags: 'a b' },
        draining: true,
      },
    ]);
  });

  test('counters that change with each renewal are no change of the endpoint', () => {
    const before = registered('rpcx', { key, value: 'calls=1.00&connections=2.00&weight=3', prefix });
    assert.deepEqual(
      registered('rpcx', { key, value: 'calls=9.51&connections=7.25&weight=3', prefix }),
      before,
    );
    assert.equal(before[0]?.metadata, undefined);
  });

  test('a weight that is no number above 0 is the usual one, and a broken escape breaks nothing', () => {
    for (const value of [
      'weight=0',
      'weight=-1',
      'weight=',
      'weight=heavy',
      'weight=1e9',
      'a=%zz&weight=1',
      '&&=',
    ]) {
      assert.deepEqual(registered('rpcx', { key, value, prefix })[0]?.weight, undefined, value);
    }
  });

  test('the keys that stand for its folders are no registrations, and no rubbish', () => {
    for (const [folder, value] of [
      ['/rpcx_test', 'rpcx_path'],
      ['/rpcx_test/Arith', 'Arith'],
    ] as const) {
      assert.deepEqual(registered('rpcx', { key: folder, value, prefix }), []);
    }
  });

  test('what cannot be reached over TCP, and what has no address, is told so', () => {
    assert.match(reason('rpcx', { key: '/r/Arith/quic@10.0.0.1:8972', value: '', prefix: '/r' }), /not tcp/);
    assert.match(
      reason('rpcx', { key: '/r/Arith/unix@/tmp/a.sock', value: '', prefix: '/r' }),
      /network@address/,
    );
    assert.match(reason('rpcx', { key: '/r/Arith/tcp@10.0.0.1', value: '', prefix: '/r' }), /no :port/);
    assert.match(
      reason('rpcx', { key: '/r/Arith/10.0.0.1:80', value: 'x=1', prefix: '/r' }),
      /network@address/,
    );
  });
});
