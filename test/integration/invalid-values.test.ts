import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEmbedded } from '../support/embedded-registry.js';
import { bytes, EtcdApi } from '../support/etcd-api.js';
import { startGatewayProcess } from '../support/gateway-process.js';
import { registryYaml } from '../support/registry-under-test.js';

const PREFIX = '/service_registry_discovery/goods';

test('a value that is overwritten with rubbish is told as that: by the membership, the journal and the log', async (t) => {
  const registry = await startEmbedded();
  t.after(() => registry.close());
  const api = new EtcdApi(registry.endpoint);
  t.after(() => api.close());
  const put = (host: string, value: string): Promise<unknown> =>
    api.call('KV/Put', { key: bytes(`${PREFIX}/${host}`), value: bytes(value) });
  // So many that the guard believes the loss of two.
  const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  for (const [index, host] of hosts.entries()) await put(host, `10.0.0.${index + 1}:80`);
  await put('z', 'rubbish from the start');
  const gateway = await startGatewayProcess(
    t,
    `${registryYaml(registry.port)}routes: [{ prefix: /, service: goods }]\n`,
  );
  await gateway.adminUntil('/api/services/goods', (_, body) => body.includes('10.0.0.8:80'));
  await put('b', 'rubbish');
  await put('b', 'more rubbish');
  await api.call('KV/DeleteRange', { key: bytes(`${PREFIX}/c`) });
  await gateway.adminUntil('/api/services/goods', (_, body) => !/10\.0\.0\.[23]:80/.test(body));

  const entries: readonly Record<string, unknown>[] = JSON.parse((await gateway.admin('/api/events')).body);
  const reason = 'the value has no :port';
  assert.deepEqual(
    entries.filter(({ change }) => change === 'left').map((left) => [left['key'], left['cause']]),
    [
      [`${PREFIX}/b`, 'invalid'],
      [`${PREFIX}/c`, 'removed'],
    ],
  );
  assert.equal(entries.find(({ cause }) => cause === 'invalid')?.['reason'], reason);
  assert.deepEqual(
    entries.filter(({ event }) => event === 'invalid-value').map(({ detail }) => detail),
    [`${PREFIX}/z: ${reason}`, `${PREFIX}/b: ${reason}`],
  );

  gateway.process.signal('SIGTERM');
  const { stdout } = await gateway.process.exit;
  const warned = stdout.split('\n').filter((line) => line.includes('"event":"invalid-value"'));
  assert.deepEqual(
    warned.map((line) => JSON.parse(line)).map(({ level, source, detail }) => [level, source, detail]),
    [
      ['warn', 'main', `${PREFIX}/z: ${reason}`],
      ['warn', 'main', `${PREFIX}/b: ${reason}`],
    ],
  );
});
