import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { problems } from '../../src/admin/problems.js';
import { type AdminServer, type AdminSettings, startAdmin } from '../../src/admin/server.js';
import { createJournal } from '../../src/observability/journal.js';
import {
  endpointView,
  type FakeGateway,
  fakeGateway,
  membershipChange,
  serviceView,
} from '../support/fake-gateway.js';

async function started(
  t: TestContext,
  over: Partial<AdminSettings> = {},
): Promise<{ admin: AdminServer; gateway: FakeGateway }> {
  const gateway = fakeGateway();
  const admin = await startAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    views: gateway.views,
    actions: gateway.actions,
    journal: createJournal(gateway.hub),
    metricsText: async () => 'watchgate_config_generation 3\n',
    ...over,
  });
  t.after(() => admin.close());
  return { admin, gateway };
}

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly allow: string | undefined;
  readonly body: unknown;
}

/** Like curl: sends the path and headers as they are, `Host` included, which fetch would not. */
function call(
  admin: AdminServer,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { hostname, port } = new URL(admin.address);
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      hostname: hostname.replace(/[[\]]/g, ''),
      port,
      method,
      path,
      headers,
      agent: false,
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        const type = response.headers['content-type'];
        const body: unknown = type?.includes('json') && text !== '' ? JSON.parse(text) : text;
        resolve({ status: response.statusCode ?? 0, type, allow: response.headers.allow, body });
      });
    });
    sent.end();
  });
}

function codeOf({ type, body }: Answer): unknown {
  assert.match(type ?? '', /^application\/problem\+json/);
  return typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined;
}

describe('the probes', () => {
  test('healthz answers while the process lives, whatever the readiness', async (t) => {
    const { admin, gateway } = await started(t);
    gateway.readiness = { ready: false, reasons: ['draining'] };
    assert.deepEqual((await call(admin, 'GET', '/healthz')).body, { status: 'ok' });
  });

  test('readyz answers 503 with every reason until there is none', async (t) => {
    const { admin, gateway } = await started(t);
    gateway.readiness = { ready: false, reasons: ['registry main: no complete list yet', 'draining'] };
    const unready = await call(admin, 'GET', '/readyz');
    assert.equal(unready.status, 503);
    assert.deepEqual(unready.body, {
      ready: false,
      reasons: ['registry main: no complete list yet', 'draining'],
    });
    gateway.readiness = { ready: true, reasons: [] };
    assert.equal((await call(admin, 'GET', '/readyz')).status, 200);
  });

  test('metrics have the content type that Prometheus asks for', async (t) => {
    const { admin } = await started(t);
    const { type, body } = await call(admin, 'GET', '/metrics');
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(body, 'watchgate_config_generation 3\n');
  });
});

describe('reading', () => {
  test('each view is served as the gateway gives it', async (t) => {
    const { admin, gateway } = await started(t);
    const { views } = gateway;
    const bodyOf = async (path: string) => (await call(admin, 'GET', path)).body;
    assert.deepEqual(await bodyOf('/api/routes'), views.routes());
    assert.deepEqual(await bodyOf('/api/config'), views.config());
    assert.deepEqual(await bodyOf('/api/registry'), views.registries());
    assert.deepEqual(await bodyOf('/api/services'), views.services());
    assert.deepEqual(await bodyOf('/api/services/goods'), views.service('goods'));
  });

  test('a service of another registry is found by its name, encoded or not', async (t) => {
    const { admin, gateway } = await started(t);
    gateway.services = [serviceView('goods@dc2', []), serviceView('a b', [])];
    assert.equal((await call(admin, 'GET', '/api/services/goods@dc2')).status, 200);
    assert.equal((await call(admin, 'GET', '/api/services/goods%40dc2')).status, 200);
    assert.equal((await call(admin, 'GET', '/api/services/a%20b')).status, 200);
    assert.equal(codeOf(await call(admin, 'GET', '/api/services/nosuch')), 'UNKNOWN_SERVICE');
  });

  test('the longest service name there can be is found', async (t) => {
    const { admin, gateway } = await started(t);
    gateway.services = [serviceView('s'.repeat(300), [])];
    assert.equal((await call(admin, 'GET', `/api/services/${'s'.repeat(300)}`)).status, 200);
  });

  test('events are filtered by service, time and number', async (t) => {
    const { admin, gateway } = await started(t);
    for (const at of [1000, 2000, 3000]) gateway.hub.announce('membership', membershipChange({ at }));
    gateway.hub.announce('source', { at: 4000, source: 'main', kind: 'connected', detail: '' });
    const moments = async (query: string) => {
      const { body } = await call(admin, 'GET', `/api/events${query}`);
      assert.ok(Array.isArray(body));
      return body.map((entry) => entry.at);
    };
    assert.deepEqual(await moments(''), [1000, 2000, 3000, 4000]);
    assert.deepEqual(await moments('?service=goods&limit=2'), [2000, 3000]);
    assert.deepEqual(await moments('?since=3000'), [3000, 4000]);
    assert.deepEqual(await moments('?since=1970-01-01T00:00:04Z'), [4000]);
  });

  test('a query that cannot be understood names the parameter', async (t) => {
    const { admin } = await started(t);
    for (const query of ['limit=0', 'limit=many', 'since=yesterday', 'sevice=goods', 'limit=1&limit=2']) {
      const answer = await call(admin, 'GET', `/api/events?${query}`);
      assert.equal(answer.status, 400, query);
      assert.equal(codeOf(answer), 'BAD_REQUEST');
      assert.match(JSON.stringify(answer.body), new RegExp(`\\\\"${query.split('=')[0]}\\\\"`));
    }
  });
});

describe('verbs', () => {
  test('an endpoint is drained and undrained by its address', async (t) => {
    const { admin, gateway } = await started(t);
    const path = '/api/services/goods/endpoints/10.0.0.5:80';
    const drained = await call(admin, 'POST', `${path}/drain`);
    assert.deepEqual(drained.body, { service: 'goods', address: '10.0.0.5:80', state: 'up' });
    assert.equal((await call(admin, 'POST', `${path}/undrain`)).status, 200);
    assert.deepEqual(gateway.done, ['drain goods 10.0.0.5:80', 'undrain goods 10.0.0.5:80']);
  });

  test('an IPv6 address works encoded or not, in any spelling', async (t) => {
    const { admin, gateway } = await started(t);
    gateway.services = [serviceView('goods', [endpointView('[::1]:80')])];
    for (const address of ['[::1]:80', '%5B%3A%3A1%5D%3A80', '[0:0:0:0:0:0:0:1]:80']) {
      const { status } = await call(admin, 'POST', `/api/services/goods/endpoints/${address}/drain`);
      assert.equal(status, 200, address);
    }
    assert.deepEqual(new Set(gateway.done), new Set(['drain goods [::1]:80']));
  });

  test('what is not there is named', async (t) => {
    const { admin } = await started(t);
    const codes = await Promise.all(
      ['nosuch/endpoints/10.0.0.5:80', 'goods/endpoints/10.0.0.9:80', 'goods/endpoints/10.0.0.5'].map(
        async (path) => codeOf(await call(admin, 'POST', `/api/services/${path}/drain`)),
      ),
    );
    assert.deepEqual(codes, ['UNKNOWN_SERVICE', 'UNKNOWN_ENDPOINT', 'BAD_REQUEST']);
  });

  test('a refused reload says every error', async (t) => {
    const { admin, gateway } = await started(t);
    assert.deepEqual((await call(admin, 'POST', '/api/reload')).body, { generation: 3 });
    gateway.reloadErrors = ['routes.yaml:3:1: unknown key "rotues"'];
    const { status, body } = await call(admin, 'POST', '/api/reload');
    assert.equal(status, 422);
    assert.deepEqual(body, {
      title: 'Configuration refused',
      status: 422,
      detail: 'The configuration was refused; the old one stays.',
      code: 'CONFIG_INVALID',
      errors: ['routes.yaml:3:1: unknown key "rotues"'],
    });
  });

  test('a body that a client sends anyway is ignored', async (t) => {
    const { admin } = await started(t);
    const sent = await fetch(`${admin.address}/api/reload`, { method: 'POST', body: 'x=1' });
    assert.equal(sent.status, 200);
  });
});

describe('calls that make no sense', () => {
  test('an unknown path is 404, a known one with another method 405 with Allow', async (t) => {
    const { admin } = await started(t);
    assert.equal(codeOf(await call(admin, 'GET', '/api/nosuch')), 'NOT_FOUND');
    const read = await call(admin, 'DELETE', '/api/services/goods');
    assert.deepEqual([read.status, codeOf(read), read.allow], [405, 'METHOD_NOT_ALLOWED', 'GET, HEAD']);
    const verb = await call(admin, 'GET', '/api/reload');
    assert.deepEqual([verb.status, verb.allow], [405, 'POST']);
    assert.equal((await call(admin, 'HEAD', '/api/services')).status, 200);
  });

  test('a path that cannot be decoded is 400', async (t) => {
    const { admin } = await started(t);
    assert.equal(codeOf(await call(admin, 'GET', '/api/services/%zz')), 'BAD_REQUEST');
  });

  test('an error inside the gateway shows nothing of itself', async (t) => {
    const { admin } = await started(t, {
      metricsText: () => Promise.reject(new Error('secret at 10.1.2.3')),
    });
    const answer = await call(admin, 'GET', '/metrics');
    assert.deepEqual([answer.status, codeOf(answer)], [500, 'INTERNAL']);
    assert.doesNotMatch(JSON.stringify(answer.body), /secret|10\.1/);
  });
});

describe('who may call', () => {
  const token = 's3cret-token';
  const paths = ['/', '/api/services', '/api/stream', '/api/events', '/nosuch'];

  test('with a token, everything but the probes and the metrics needs it', async (t) => {
    const { admin } = await started(t, { token });
    for (const open of ['/healthz', '/readyz', '/metrics']) {
      assert.equal((await call(admin, 'GET', open)).status, 200, open);
    }
    for (const path of paths) {
      assert.equal(codeOf(await call(admin, 'GET', path)), 'UNAUTHORIZED', path);
    }
    for (const authorization of ['Bearer wrong', `Basic ${token}`, token, 'Bearer', `Bearer ${token}x`]) {
      assert.equal((await call(admin, 'GET', '/api/services', { authorization })).status, 401, authorization);
    }
    assert.equal((await call(admin, 'POST', '/api/reload')).status, 401);
    assert.equal(
      (await call(admin, 'POST', '/api/reload', { authorization: `Bearer ${token}` })).status,
      200,
    );
    assert.equal((await call(admin, 'GET', '/', { authorization: `bearer ${token}` })).status, 200);
  });

  test('a token in the URL counts for nothing', async (t) => {
    const { admin } = await started(t, { token });
    assert.equal((await call(admin, 'GET', `/api/services?token=${token}`)).status, 401);
  });

  test('a browser without the token gets a page that asks for it and shows nothing else', async (t) => {
    const { admin } = await started(t, { token });
    const { status, type, body } = await call(admin, 'GET', '/', { accept: 'text/html,*/*' });
    assert.deepEqual([status, type], [401, 'text/html; charset=utf-8']);
    assert.match(String(body), /needs the admin token/);
    assert.doesNotMatch(String(body), /goods|10\.0\.0\.5/);
  });

  test('a page of another site cannot use the verbs', async (t) => {
    const { admin, gateway } = await started(t);
    const host = new URL(admin.address).host;
    for (const origin of [
      'http://evil.example',
      'null',
      `http://${host}.evil.example`,
      'http://127.0.0.1:1',
    ]) {
      const answer = await call(admin, 'POST', '/api/services/goods/endpoints/10.0.0.5:80/drain', { origin });
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'ORIGIN_REFUSED'], origin);
    }
    assert.deepEqual(gateway.done, []);
    assert.equal((await call(admin, 'POST', '/api/reload', { origin: `http://${host}` })).status, 200);
  });

  test('a name rebound to loopback is refused, unless a token protects the port', async (t) => {
    const { admin } = await started(t);
    const rebound = { host: 'evil.example:9901', origin: 'http://evil.example:9901' };
    assert.equal(codeOf(await call(admin, 'POST', '/api/reload', rebound)), 'HOST_REFUSED');
    assert.equal(codeOf(await call(admin, 'GET', '/api/services', rebound)), 'HOST_REFUSED');
    assert.equal((await call(admin, 'GET', '/metrics', { host: 'gateway.internal' })).status, 200);
    for (const host of ['localhost:9901', '127.0.0.1:9901', '[::1]:9901', '127.0.0.1']) {
      assert.equal((await call(admin, 'GET', '/api/services', { host })).status, 200, host);
    }
    const guarded = await started(t, { token });
    const headers = { host: 'gateway.internal', authorization: `Bearer ${token}` };
    assert.equal((await call(guarded.admin, 'GET', '/api/services', headers)).status, 200);
  });
});

describe('the address', () => {
  test('a taken port is one clear error that names it', async (t) => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => occupant.once('listening', resolve));
    t.after(() => occupant.close());
    const bound = occupant.address();
    assert.ok(typeof bound === 'object' && bound !== null);
    await assert.rejects(started(t, { listen: { host: '127.0.0.1', port: bound.port } }), {
      name: 'WatchgateError',
      code: 'PORT_TAKEN',
      message: `admin: 127.0.0.1:${bound.port} is already in use`,
    });
  });

  test('an address of another machine is one clear error too', async (t) => {
    await assert.rejects(started(t, { listen: { host: '192.0.2.1', port: 9 } }), {
      code: 'LISTEN_FAILED',
      message: /^admin: cannot listen on 192\.0\.2\.1:9: /,
    });
  });

  test('closing twice is fine, and idle connections do not hold it up', async (t) => {
    const { admin } = await started(t);
    await fetch(`${admin.address}/healthz`).then((response) => response.text());
    await Promise.all([admin.close(), admin.close()]);
    await assert.rejects(fetch(`${admin.address}/healthz`));
  });
});

test('every problem code stands in docs/admin-api.md with its status', () => {
  const docs = readFileSync(new URL('../../docs/admin-api.md', import.meta.url), 'utf8');
  const documented = [...docs.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \|/gm)].map(
    (row) => `${row[1]} ${row[2]}`,
  );
  const real = Object.entries(problems).map(([code, { status }]) => `${code} ${status}`);
  assert.deepEqual(documented.sort(), real.sort());
});
