import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { WhyAnswer, WhyRequest } from '../../src/core/recorded.js';
import { runCommand } from '../support/command.js';
import {
  behindGateway,
  type GatewayUnderTest,
  routeAll,
  startGatewayUnderTest,
} from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { fieldOf, head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';

const traceOf = (digit: string): string => digit.repeat(32);

async function whyOf(gateway: GatewayUnderTest, traceId: string): Promise<WhyAnswer> {
  return (await gateway.api(`/api/why?trace_id=${traceId}`)) as WhyAnswer;
}

/** One endpoint that refuses connections and one that closes them, behind a gateway. */
async function failingFleet(
  t: TestContext,
): Promise<{ gateway: GatewayUnderTest; refusing: string; closing: string }> {
  const refusing = '127.0.0.1:1';
  const upstream = await rawUpstream(async (connection) => {
    await connection.request();
    connection.reset();
  });
  t.after(() => upstream.close());
  const gateway = await startGatewayUnderTest({
    routes: `${routeAll()}services: { goods: { balance: round-robin } }\n`,
    services: { goods: [refusing, upstream.address] },
  });
  t.after(() => gateway.close());
  return { gateway, refusing, closing: upstream.address };
}

describe('/api/why', () => {
  test('tells each attempt at a request that failed, with endpoint, phase, cause and times', async (t) => {
    const { gateway, refusing, closing } = await failingFleet(t);
    const response = await rawRequest(gateway.port, head('GET /list?page=2 HTTP/1.1', 'Host: a'));
    assert.equal(response.status, 502);
    await gateway.record();
    const traceId = fieldOf(response, 'x-trace-id') ?? '';
    const { requests, journal } = await whyOf(gateway, traceId);
    const [request] = requests;
    assert.equal(requests.length, 1);
    assert.equal(request?.kept, 'failed');
    assert.equal(request.path, '/list');
    assert.equal(request.attempts.length, 2);
    const told = new Map(request.attempts.map((attempt) => [attempt.endpoint, attempt]));
    const refused = told.get(refusing);
    assert.deepEqual(
      [refused?.phase, refused?.cause, refused?.outcome, refused?.status],
      ['connect', 'CONNECT_FAILED', 'connect-failed', 0],
    );
    const reset = told.get(closing);
    assert.deepEqual([reset?.phase, reset?.cause, reset?.outcome], ['send', 'UPSTREAM_RESET', 'reset']);
    const [first, second] = request.attempts;
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(first.afterMs >= 0 && second.afterMs >= first.afterMs + first.durationMs);
    assert.ok(second.afterMs + second.durationMs <= request.durationMs + 1);
    const ejected = journal.filter((entry) => entry.kind === 'health');
    assert.deepEqual(
      ejected.map(({ address, reason }) => [address, reason]),
      [[refusing, 'refused']],
    );
  });

  test('tells of a request that was tried again, and of one that never got to an endpoint', async (t) => {
    const { gateway } = await behindGateway(
      t,
      answering((_request, index) => (index === 0 ? head('HTTP/1.1 503 Busy', 'Content-Length: 0') : ok())),
      'routes: [{ prefix: /goods, service: goods }, { prefix: /none, service: none }]\n',
    );
    for (const [digit, path] of [
      ['a', '/goods'],
      ['b', '/none'],
    ]) {
      const parent = `traceparent: 00-${traceOf(digit ?? '')}-00f067aa0ba902b7-01`;
      await rawRequest(gateway.port, head(`GET ${path} HTTP/1.1`, 'Host: a', parent));
    }
    await gateway.record(1);
    const [busy] = (await whyOf(gateway, traceOf('a'))).requests;
    assert.deepEqual(
      busy?.attempts.map(({ phase, status, cause }) => [phase, status, cause]),
      [['settle', 503, null]],
    );
    const [none] = (await whyOf(gateway, traceOf('b'))).requests;
    assert.deepEqual([none?.cause, none?.endpoint, none?.attempts], ['NO_ENDPOINT', null, []]);
  });

  test('keeps requests of one trace apart', async (t) => {
    const gateway = await startGatewayUnderTest({ routes: routeAll() });
    t.after(() => gateway.close());
    const parent = `traceparent: 00-${traceOf('c')}-00f067aa0ba902b7-01`;
    const paths = ['/one', '/three', '/two'];
    await Promise.all(
      paths.map((path) => rawRequest(gateway.port, head(`GET ${path} HTTP/1.1`, 'Host: a', parent))),
    );
    await gateway.record(2);
    const { requests } = await whyOf(gateway, traceOf('c'));
    assert.deepEqual(requests.map(({ path }) => path).sort(), paths);
  });

  test('holds no body, cookie, authorization, query string or header', async (t) => {
    const { gateway } = await failingFleet(t);
    const secret = 's3cr3t';
    const fields = [
      `Cookie: id=${secret}`,
      `Authorization: Bearer ${secret}`,
      `X-Key: ${secret}`,
      'Content-Length: 6',
    ];
    const parent = `traceparent: 00-${traceOf('d')}-00f067aa0ba902b7-01`;
    await rawRequest(
      gateway.port,
      `${head(`POST /list?key=${secret} HTTP/1.1`, 'Host: a', parent, ...fields)}${secret}`,
    );
    await gateway.record();
    const answer = await whyOf(gateway, traceOf('d'));
    assert.equal(answer.requests.length, 1);
    assert.ok(!JSON.stringify(answer).includes(secret));
  });

  test('holds nothing of a target that is malformed where a secret may be', async (t) => {
    const { gateway } = await failingFleet(t);
    const secret = 's3cr3t';
    const targets = [
      `http://user:${secret}@shop.example/list`,
      `http://user:${secret}@shop.example`,
      `/list#access_token=${secret}?a`,
      `?key=${secret}`,
      `/list%zz?key=${secret}`,
      `//shop.example?key=${secret}`,
    ];
    for (const [index, target] of targets.entries()) {
      await rawRequest(gateway.port, head(`GET ${target} HTTP/1.1`, 'Host: a'));
      await gateway.record(index);
    }
    const remembered = await gateway.api('/api/why?limit=1000');
    assert.ok(JSON.stringify(remembered).includes('BAD_REQUEST'));
    assert.ok(!JSON.stringify([remembered, gateway.requests]).includes(secret));
  });

  test('lists the newest failures without a trace id, and refuses what is none', async (t) => {
    const { gateway } = await failingFleet(t);
    for (const path of ['/one', '/two'])
      await rawRequest(gateway.port, head(`GET ${path} HTTP/1.1`, 'Host: a'));
    await gateway.record(1);
    const failures = (await gateway.api('/api/why?limit=1')) as WhyRequest[];
    assert.deepEqual(
      failures.map(({ path }) => path),
      ['/two'],
    );
    for (const [query, status, told] of [
      ['trace_id=xyz', 400, '"trace_id"'],
      ['limit=0', 400, '"limit"'],
      ['trace=1', 400, '"trace"'],
      [`trace_id=${traceOf('e')}`, 404, 'remembered'],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/api/why?${query}`);
      assert.equal(response.status, status, query);
      assert.ok((await response.text()).includes(JSON.stringify(told).slice(1, -1)), query);
    }
  });
});

describe('watchgate why', () => {
  test('tells a person what became of a request, and lists the failures there are', async (t) => {
    const { gateway, refusing } = await failingFleet(t);
    const admin = ['--admin', `http://127.0.0.1:${gateway.adminPort}`];
    const response = await rawRequest(gateway.port, head('GET /list HTTP/1.1', 'Host: a'));
    await gateway.record();
    const traceId = fieldOf(response, 'x-trace-id') ?? '';
    const [one, list, unknown] = await Promise.all([
      runCommand('why', traceId, ...admin),
      runCommand('why', ...admin),
      runCommand('why', traceOf('e'), ...admin),
    ]);
    assert.deepEqual([one.code, one.err], [0, '']);
    assert.match(one.out, /^GET \/list => 502 (?:CONNECT_FAILED|UPSTREAM_RESET): \w/);
    assert.match(
      one.out,
      new RegExp(`^ .*ms  ${refusing} +connect +- +connect-failed \\(CONNECT_FAILED\\)$`, 'm'),
    );
    assert.match(
      one.out,
      new RegExp(
        `^ +\\+0\\.\\d+s  goods ${refusing} ejected: refused; 1 endpoint takes requests \\(key \\S+, revision `,
        'm',
      ),
    );
    assert.match(list.out, new RegExp(`^\\S+Z  ${traceId}  502 \\w+ +goods +\\S+ +GET /list$`, 'm'));
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /^watchgate: no request with the trace id e{32} is remembered/);
  });
});
