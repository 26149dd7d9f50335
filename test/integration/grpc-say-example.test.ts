import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellStory } from '../../examples/grpc-say/story.js';
import { etcdVersions, startEtcd } from '../support/etcd-server.js';

test('the Say example: one server is killed, one comes, one leaves, and no call fails', {
  skip: !etcdVersions.includes('3.5'),
}, async (t) => {
  const etcd = await startEtcd('3.5');
  t.after(() => etcd.stop());
  const lines: string[] = [];
  const registry = `etcd://${new URL(etcd.endpoint).host}/service_registry_discovery`;
  const { calls, failures } = await tellStory(registry, (line) => lines.push(line));
  assert.deepEqual(failures, []);
  assert.ok(calls >= 450, String(calls));
  assert.deepEqual(lines, [
    'answering: say-1, say-2, say-3',
    'say-1 is killed',
    'answering: say-2, say-3',
    'say-4 comes',
    'answering: say-2, say-3, say-4',
    'say-2 leaves',
    'answering: say-3, say-4',
  ]);
});
