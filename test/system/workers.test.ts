import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  type GatewayProcess,
  startGatewayProcess,
  temporaryFile,
  WatchgateProcess,
} from '../support/gateway-process.js';
import { routeAll, withListeners } from '../support/gateway-under-test.js';
import { type HeldEndpoint, startHeldEndpoint } from '../support/held-endpoint.js';
import { RawClient, rawRequest, Truncated } from '../support/raw-client.js';
import { head } from '../support/raw-http.js';
import { type RegistryUnderTest, startRegistryUnderTest } from '../support/registry-under-test.js';
import { listenOnLoopback } from '../support/wire.js';

const GET = head('GET / HTTP/1.1', 'Host: a');
const HELD = head('GET /held HTTP/1.1', 'Host: a');

interface Serving {
  readonly gateway: GatewayProcess;
  readonly registry: RegistryUnderTest;
  readonly endpoint: HeldEndpoint;
  /** The first lines of its routes.yaml. */
  readonly settings: string;
}

/** A gateway with two workers, ready, in front of one endpoint. */
async function serving(t: TestContext, lines = 'drainDelay: 0s\n'): Promise<Serving> {
  const endpoint = await startHeldEndpoint(t);
  const registry = await startRegistryUnderTest(t);
  await registry.register('goods', endpoint.address);
  const settings = `${registry.yaml}workers: 2\n${lines}`;
  const gateway = await startGatewayProcess(t, `${settings}${routeAll()}`);
  await gateway.adminUntil('/readyz', (status) => status === 200);
  return { gateway, registry, endpoint, settings };
}

function post(gateway: GatewayProcess, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${gateway.adminPort}${path}`, { method: 'POST' });
}

/** What an admin call answers, JSON. */
async function read(gateway: GatewayProcess, path: string) {
  return JSON.parse((await gateway.admin(path)).body);
}

/** The values of a metric by their labels. */
async function metric(gateway: GatewayProcess, name: string): Promise<Record<string, number>> {
  const { body } = await gateway.admin('/metrics');
  const lines = body.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
  return Object.fromEntries([...lines].map(([, labels = '', value]) => [labels, Number(value)]));
}

/** New connections that have had one answer each, and so belong to the workers in turn. */
async function connections(t: TestContext, gateway: GatewayProcess, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  for (let made = 0; made < count; made += 1) {
    const client = await RawClient.connect(gateway.port);
    clients.push(client);
    await client.write(GET);
    assert.equal((await client.response()).status, 200);
  }
  return clients;
}

/** The status of a GET on each of four new connections: two for each worker. */
async function statuses(gateway: GatewayProcess, request = GET): Promise<number[]> {
  const all: number[] = [];
  for (let made = 0; made < 4; made += 1) all.push((await rawRequest(gateway.port, request)).status);
  return all;
}

function workersOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').map(Number);
}

test('what several processes do, the admin port tells and changes as one', async (t) => {
  const { gateway, registry, endpoint, settings } = await serving(t);
  const clients = await connections(t, gateway, 8);
  for (const client of clients) {
    await client.write(GET);
    assert.equal((await client.response()).status, 200);
  }

  // Shared out evenly, and summed.
  assert.deepEqual(await metric(gateway, 'watchgate_worker_requests_total'), {
    'worker="1"': 8,
    'worker="2"': 8,
  });
  assert.deepEqual(await metric(gateway, 'watchgate_requests_total'), {
    'route="/",service="goods",method="GET",code="200"': 16,
  });
  const buckets = await metric(gateway, 'watchgate_request_duration_seconds_count');
  assert.deepEqual(buckets, { 'route="/",service="goods"': 16 });
  const processes = await metric(gateway, 'process_resident_memory_bytes');
  assert.deepEqual(Object.keys(processes), ['worker="primary"', 'worker="1"', 'worker="2"']);

  // What is in flight now, in each of them.
  for (const client of clients.slice(0, 2)) await client.write(HELD);
  const held = [await endpoint.held(0), await endpoint.held(1)];
  const [view] = (await read(gateway, '/api/services/goods')).endpoints;
  assert.deepEqual({ inFlight: view.inFlight, requests: view.requests }, { inFlight: 2, requests: 16 });
  for (const response of held) response.end('done');
  for (const client of clients.slice(0, 2)) assert.equal((await client.response()).status, 200);

  // A verb works on all.
  const verb = (word: string) => post(gateway, `/api/services/goods/endpoints/${endpoint.address}/${word}`);
  assert.match(await (await verb('drain')).text(), /"draining"/);
  const traceparent = 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const traced = head('GET / HTTP/1.1', 'Host: a', traceparent);
  assert.deepEqual(await statuses(gateway, traced), [503, 503, 503, 503]);
  assert.match(await (await verb('undrain')).text(), /"up"/);
  assert.deepEqual(await statuses(gateway), [200, 200, 200, 200]);

  // What failed in any of them is found.
  const why = await read(gateway, '/api/why?trace_id=4bf92f3577b34da6a3ce929d0e0e4736');
  assert.equal(why.requests.length, 4);
  const explained = await read(gateway, '/api/explain?url=/');
  assert.equal(explained.pick, endpoint.address);
  assert.ok(explained.request.assumed.includes('worker 1 of 2 gets it'));

  // Each finds out by itself which endpoint is dead; the view tells of all that did.
  const dead = '127.0.0.1:9';
  await registry.register('goods', dead);
  let ejected = '';
  for (let tried = 0; tried < 50 && !/"ejected: refused"/.test(ejected); tried += 1) {
    assert.deepEqual(await statuses(gateway), [200, 200, 200, 200]);
    ejected = (await gateway.admin('/api/services/goods')).body;
  }
  assert.match(ejected, /"ejected: refused"/);
  const events: { kind: string; worker?: number }[] = await read(gateway, '/api/events?service=goods');
  const finders = events.filter(({ kind }) => kind === 'health').map(({ worker }) => worker);
  assert.deepEqual(finders.sort(), [1, 2]);
  await registry.unregister('goods', dead);

  // A configuration goes to all of them or to none.
  await writeFile(gateway.file, withListeners(`${settings}routes: nonsense\n`));
  assert.notEqual((await post(gateway, '/api/reload')).status, 200);
  assert.deepEqual(await statuses(gateway), [200, 200, 200, 200]);
  await writeFile(gateway.file, withListeners(`${settings}routes: [{ prefix: /other, service: goods }]\n`));
  assert.equal((await post(gateway, '/api/reload')).status, 200);
  assert.deepEqual(await statuses(gateway), [404, 404, 404, 404]);

  // SIGTERM: what is in flight in any of them is finished.
  const OTHER = head('GET /other/held HTTP/1.1', 'Host: a');
  for (const client of clients.slice(0, 2)) await client.write(OTHER);
  const last = [await endpoint.held(2), await endpoint.held(3)];
  gateway.process.signal('SIGTERM');
  await gateway.adminUntil('/readyz', (status, body) => status === 503 && body.includes('draining'));
  for (const response of last) response.end('finished');
  for (const client of clients.slice(0, 2))
    assert.equal((await client.response()).body.toString(), 'finished');
  const { code, stderr } = await gateway.process.exit;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

/** Requests on one connection, one after another, until told to stop. Resolves to whether all were answered. */
async function keptBusy(client: RawClient, busy: AbortSignal): Promise<boolean> {
  while (!busy.aborted) {
    await client.write(GET);
    const response = await client.response().catch(() => undefined);
    if (response?.status !== 200) return false;
  }
  return true;
}

/** A new connection for each request, until told to stop. Resolves to how many broke. */
async function keptConnecting(port: number, busy: AbortSignal): Promise<number> {
  let broken = 0;
  while (!busy.aborted) {
    const status = await rawRequest(port, GET).then(
      (response) => response.status,
      (error: unknown) => (error instanceof Truncated ? 'broken' : error),
    );
    if (status === 'broken') broken += 1;
    else assert.equal(status, 200);
  }
  return broken;
}

test('a worker that dies takes only its own requests with it, and another takes its place', async (t) => {
  const { gateway, registry, endpoint } = await serving(t, 'drainDelay: 1m\n');
  const drained = await startHeldEndpoint(t);
  await registry.register('goods', drained.address);
  await gateway.adminUntil('/api/services/goods', (_status, body) => body.includes(drained.address));
  await post(gateway, `/api/services/goods/endpoints/${drained.address}/drain`);
  const refused = drained.requests;
  const stop = new AbortController();
  const kept = (await connections(t, gateway, 6)).map((client) => keptBusy(client, stop.signal));
  const fresh = [1, 2, 3, 4].map(() => keptConnecting(gateway.port, stop.signal));
  const [victim = 0] = workersOf(gateway.process.pid);
  const before = await metric(gateway, 'watchgate_requests_total');

  process.kill(victim, 'SIGKILL');
  await gateway.process.line(/worker died/);
  stop.abort();

  // Three of six connections were the dead worker's, and each loop of new ones was in it once at most.
  const answered = await Promise.all(kept);
  assert.equal(answered.filter((all) => all).length, 3);
  for (const broken of await Promise.all(fresh)) assert.ok(broken <= 1);
  await gateway.adminUntil('/metrics', (_status, body) => /^watchgate_workers 2$/m.test(body));
  // Nothing that was counted is forgotten.
  const after = await metric(gateway, 'watchgate_requests_total');
  for (const [labels, count] of Object.entries(before)) assert.ok((after[labels] ?? 0) >= count);
  assert.deepEqual(await metric(gateway, 'watchgate_worker_deaths_total'), { '': 1 });
  // The new one knows what an operator said before it was born.
  assert.deepEqual(await statuses(gateway), [200, 200, 200, 200]);
  assert.equal(drained.requests, refused);

  // A second signal ends all at once, whatever is in flight.
  const workers = workersOf(gateway.process.pid);
  const [client] = await connections(t, gateway, 1);
  await client?.write(HELD);
  await endpoint.held(0);
  gateway.process.signal('SIGTERM');
  await gateway.adminUntil('/readyz', (status) => status === 503);
  gateway.process.signal('SIGTERM');
  assert.equal((await client?.response())?.status, 503);
  await gateway.process.exit;
  for (const pid of workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('what keeps a worker from starting is said in one line', async (t) => {
  const taken = createServer();
  const port = await listenOnLoopback(taken);
  t.after(() => taken.close());
  const routes = `listen: 127.0.0.1:${port}\nadmin: 127.0.0.1:0\nworkers: 2\nregistry: { type: file, path: x.yaml }\n`;
  const file = await temporaryFile(t, 'routes.yaml', `${routes}${routeAll()}`);
  const { code, stderr } = await new WatchgateProcess(t, ['start', '-c', file]).exit;
  assert.equal(code, 1);
  assert.equal(stderr, `watchgate: listen: 127.0.0.1:${port} is already in use by another process\n`);
});
