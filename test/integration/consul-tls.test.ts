import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ConsulAgent } from '../../src/consul/agent.js';
import { systemClock } from '../../src/core/clock.js';

const SELF_SIGNED = [
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
  ...['-keyout', 'key', '-out', 'cert', '-subj', '/CN=agent', '-addext', 'subjectAltName=IP:127.0.0.1'],
];

test('an agent is spoken to over TLS: its authority is checked, and our certificate shown', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-tls-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await promisify(execFile)('openssl', SELF_SIGNED, { cwd: folder });
  const [key, cert] = [await readFile(join(folder, 'key')), await readFile(join(folder, 'cert'))];
  const server = createServer({ key, cert, ca: cert, requestCert: true }, (_request, response) => {
    response.setHeader('x-consul-index', '5').end('{}');
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const endpoint = `https://127.0.0.1:${address.port}`;
  const ask = async (tls: ConstructorParameters<typeof ConsulAgent>[0]['tls']): Promise<bigint> => {
    const agent = new ConsulAgent({ endpoint, tls, clock: systemClock });
    t.after(() => agent.close());
    const { signal } = new AbortController();
    return (await agent.services({ datacenter: undefined, index: 0n, waitMs: 0, signal })).index;
  };
  assert.equal(await ask({ ca: cert, cert, key }), 5n);
  await assert.rejects(ask(undefined), { fault: 'unreachable' }, 'an authority that nobody knows');
  await assert.rejects(ask({ ca: cert }), { fault: 'unreachable' }, 'no certificate of ours');
});
