import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FastifyInstance, fastify } from 'fastify';
import { type WatchgatePluginOptions, watchgate } from '../../src/plugin.js';
import { register } from '../../src/registrar/registrar.js';
import { freePort } from '../support/free-ports.js';
import { startRegistryUnderTest } from '../support/registry-under-test.js';
import { Sequence } from '../support/sequence.js';
import { listenOnLoopback } from '../support/wire.js';

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface HttpEndpoint {
  readonly address: string;
  readonly requests: Sequence<Received>;
  /** Resolves when the connection that was made first has closed. */
  readonly disconnected: Promise<unknown>;
}

/** A service that answers everything with `from the endpoint`, and remembers what it was sent. */
async function httpEndpoint(t: TestContext): Promise<HttpEndpoint> {
  const requests = new Sequence<Received>('request');
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    requests.push({ method, path: url, headers, body: Buffer.concat(chunks) });
    response.end('from the endpoint');
  });
  const disconnected = once(server, 'connection').then(([socket]) => once(socket, 'close'));
  const port = await listenOnLoopback(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${port}`, requests, disconnected };
}

/** A routes.yaml that says nothing on standard output. */
function config(registry: string, ...lines: readonly string[]): string {
  const routes = 'routes:\n  - { prefix: /goods, service: goods }\n';
  return ['accessLog: off', 'logLevel: silent', ...lines, registry, routes].join('\n');
}

interface Mounted {
  readonly app: FastifyInstance;
  readonly endpoint: HttpEndpoint;
  readonly url: string;
}

/** An application with the gateway in it, one `goods` endpoint registered before it starts. */
async function mounted(
  t: TestContext,
  prepare: (app: FastifyInstance) => void = () => undefined,
): Promise<Mounted> {
  const registry = await startRegistryUnderTest(t);
  const endpoint = await httpEndpoint(t);
  await registry.register('goods', endpoint.address);
  const app = await application(t, { config: config(registry.yaml) }, prepare);
  return { app, endpoint, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

async function application(
  t: TestContext,
  options: WatchgatePluginOptions & { readonly prefix?: string },
  prepare: (app: FastifyInstance) => void = () => undefined,
): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  prepare(app);
  await app.register(watchgate, options);
  return app;
}

test("the gateway's routes are served by the application's own server", async (t) => {
  const { url, endpoint } = await mounted(t);
  const response = await fetch(`${url}/goods/list?page=2`);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), 'from the endpoint');
  assert.match(response.headers.get('x-trace-id') ?? '', /^[0-9a-f]{32}$/);
  const received = await endpoint.requests.nth(0);
  assert.equal(received.path, '/goods/list?page=2');
  assert.equal(received.headers['via'], '1.1 watchgate');
});

test('a route of the application goes first, and its own answers stay its own', async (t) => {
  const { url, endpoint } = await mounted(t, (app) => {
    app.get('/goods/own', async () => ({ from: 'the application' }));
    app.post('/own/echo', async (request) => request.body);
  });
  assert.deepEqual(await (await fetch(`${url}/goods/own`)).json(), { from: 'the application' });
  const echo = await fetch(`${url}/own/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
  });
  assert.deepEqual(await echo.json(), { a: 1 });
  assert.equal(await (await fetch(`${url}/goods/other`)).text(), 'from the endpoint');
  assert.equal(endpoint.requests.items.length, 1);
});

test('an onRequest hook of the application may refuse a request before the gateway sees it', async (t) => {
  const { url, endpoint } = await mounted(t, (app) => {
    app.addHook('onRequest', async (request, reply) => {
      if (request.headers.authorization !== 'Bearer right')
        return reply.code(401).send({ error: 'who are you?' });
      return undefined;
    });
  });
  const refused = await fetch(`${url}/goods/list`, { headers: { authorization: 'Bearer wrong' } });
  assert.equal(refused.status, 401);
  assert.deepEqual(await refused.json(), { error: 'who are you?' });
  assert.equal(refused.headers.get('x-trace-id'), null);
  const admitted = await fetch(`${url}/goods/list`, { headers: { authorization: 'Bearer right' } });
  assert.equal(admitted.status, 200);
  assert.equal(endpoint.requests.items.length, 1);
});

test('what no route matches is answered by the gateway', async (t) => {
  const { url } = await mounted(t);
  const response = await fetch(`${url}/nowhere`);
  assert.equal(response.status, 404);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const { code } = (await response.json()) as { code: string };
  assert.equal(code, 'NO_ROUTE');
});

const BODIES: readonly (readonly [what: string, type: string, body: string])[] = [
  ['JSON keeps its spelling', 'application/json', '{ "a" : 1.0,\n"a": 2, "b":"\\u00e9" }'],
  ['what only says that it is JSON goes through', 'application/json', '{"a":'],
  ['a form goes through', 'application/x-www-form-urlencoded', 'a=1&a=2'],
  ['a type that the application does not know goes through', 'application/x-strange', 'anything'],
  ["a body beyond the application's own limit goes through", 'application/json', `"${'x'.repeat(2 ** 21)}"`],
];

for (const [what, type, body] of BODIES) {
  test(`bodies are not parsed: ${what}`, async (t) => {
    const { url, endpoint } = await mounted(t);
    const response = await fetch(`${url}/goods`, { method: 'POST', headers: { 'content-type': type }, body });
    assert.equal(response.status, 200);
    const received = await endpoint.requests.nth(0);
    assert.equal(received.headers['content-type'], type);
    assert.ok(received.body.equals(Buffer.from(body)), 'the same bytes');
  });
}

for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND', 'PURGE']) {
  test(`${method} is served like any other method`, async (t) => {
    const { url, endpoint } = await mounted(t);
    assert.equal((await fetch(`${url}/goods`, { method })).status, 200);
    assert.equal((await endpoint.requests.nth(0)).method, method);
  });
}

test('the gateway closes with the application, its connections to endpoints too', async (t) => {
  const { app, url, endpoint } = await mounted(t);
  await (await fetch(`${url}/goods`)).text();
  await app.close();
  await endpoint.disconnected;
  await assert.rejects(fetch(`${url}/goods`));
});

test('the embedded registry can be part of the application: what registers there is served, and it closes too', async (t) => {
  const port = await freePort();
  const endpoint = await httpEndpoint(t);
  const registry = `registry: { type: embedded, listen: "127.0.0.1:${port}" }`;
  const app = await application(t, { config: config(registry, 'autoRoutes: true') });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  assert.equal((await fetch(`${url}/goods`)).status, 503, 'before anything has registered');
  const registration = register({
    registry: `etcd://127.0.0.1:${port}`,
    service: 'goods',
    address: endpoint.address,
  });
  t.after(() => registration.close());
  const served = await firstServed(`${url}/goods`);
  assert.equal(served, 'from the endpoint');
  await registration.close();
  await app.close();
  await startRegistryUnderTest(t, port);
});

test('under a prefix the gateway has that part of the paths, and its routes are still whole paths', async (t) => {
  const registry = await startRegistryUnderTest(t);
  const endpoint = await httpEndpoint(t);
  await registry.register('goods', endpoint.address);
  const app = await application(t, { config: config(registry.yaml), prefix: '/goods' });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  assert.equal((await fetch(`${url}/goods/list`)).status, 200);
  assert.equal((await endpoint.requests.nth(0)).path, '/goods/list');
  const elsewhere = await fetch(`${url}/nowhere`);
  assert.equal(elsewhere.status, 404);
  assert.equal(elsewhere.headers.get('x-trace-id'), null, 'the application answered');
});

test('a file is followed: a new route is served without a restart', async (t) => {
  const registry = await startRegistryUnderTest(t);
  const endpoint = await httpEndpoint(t);
  await registry.register('goods', endpoint.address);
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-plugin-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'routes.yaml');
  await writeFile(file, config(registry.yaml));
  const app = await application(t, { file });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  assert.equal((await fetch(`${url}/shop`)).status, 404);
  await writeFile(file, config(registry.yaml).replace('/goods', '/shop'));
  assert.equal(await firstServed(`${url}/shop`), 'from the endpoint');
});

test('a mistake in the configuration keeps the application from starting, and every one is named with its place', async (t) => {
  const wrong = 'routes:\n  - { prefix: /goods, servce: goods }\nlogLevel: loud\n';
  await assert.rejects(application(t, { config: wrong }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'CONFIG_INVALID');
    const lines = error.message.split('\n');
    assert.ok(
      lines.some((line) => /^config:2:\d+: .*servce.*service/.test(line)),
      error.message,
    );
    assert.ok(
      lines.some((line) => /^config:3:\d+: .*logLevel/.test(line)),
      error.message,
    );
    return true;
  });
});

test('a file that is not there keeps the application from starting, and is named', async (t) => {
  const file = join(tmpdir(), 'watchgate-no-such-folder', 'routes.yaml');
  await assert.rejects(application(t, { file }), { code: 'FILE_UNREADABLE', message: new RegExp(file) });
});

/** The body of the first answer that is a success; others are asked again. */
async function firstServed(url: string): Promise<string> {
  const deadline = AbortSignal.timeout(5_000);
  for (;;) {
    const response = await fetch(url, { signal: deadline });
    const text = await response.text();
    if (response.ok) return text;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
