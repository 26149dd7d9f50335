import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget, type Scheme, type TargetUri } from '../../src/grpc/target.js';

const read = (scheme: Scheme, path: string, authority?: string) => {
  const uri: TargetUri = { scheme, path, ...(authority !== undefined && { authority }) };
  const { text, name, service, hosts } = parseTarget(scheme, uri);
  return [text, name, service, hosts];
};

test('a target names a service, and may name segments before it, and where the registry is', () => {
  assert.deepEqual(read('etcd', 'foo', ''), ['etcd:///foo', 'foo', 'foo', []]);
  assert.deepEqual(read('etcd', '/foo'), ['etcd:///foo', 'foo', 'foo', []]);
  assert.deepEqual(read('etcd', 'team/user.rpc'), ['etcd:///team/user.rpc', 'team/user.rpc', 'user.rpc', []]);
  assert.deepEqual(read('etcd', 'foo', '10.0.0.2:2379,[::1]:2379'), [
    'etcd://10.0.0.2:2379,[::1]:2379/foo',
    'foo',
    'foo',
    ['10.0.0.2:2379', '[::1]:2379'],
  ]);
  assert.deepEqual(read('consul', 'foo?tag=v2&tag=eu', ''), [
    'consul:///foo?tag=v2&tag=eu',
    'foo?tag=eu&tag=v2',
    'foo',
    [],
  ]);
});

test('what names no service, or holds a password, is refused, and the password not repeated', () => {
  for (const path of ['', '/', 'a//b', 'a b', '..', 'a?tag=v2']) {
    assert.throws(() => read('etcd', path), { code: 'REGISTRY_URL' }, path);
  }
  for (const path of ['', 'a/b', 'a?v2', 'a?tag=']) {
    assert.throws(() => read('consul', path), { code: 'REGISTRY_URL' }, path);
  }
  assert.throws(() => read('etcd', 'foo', '10.0.0.2'), { message: /"10\.0\.0\.2" has no :port$/ });
  assert.throws(() => read('etcd', 'foo', 'me:secret@10.0.0.2:2379'), {
    message: /^(?!.*secret).*no credentials/,
  });
});
