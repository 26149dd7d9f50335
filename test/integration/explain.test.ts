import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { explained, type Question } from '../support/explained.js';
import {
  behindGateway,
  type GatewayUnderTest,
  routeAll,
  startGatewayUnderTest,
} from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, rawUpstream } from '../support/raw-upstream.js';

/** The bytes of the request that a question is about. */
function bytesOf({ method = 'GET', url, headers = [] }: Question): string {
  return head(`${method} ${url} HTTP/1.1`, ...headers);
}

/** Endpoints that answer with their own address, behind one gateway. */
async function fleet(
  t: TestContext,
  size: number,
  routes: string,
): Promise<{ gateway: GatewayUnderTest; upstreams: RawUpstream[] }> {
  const upstreams = await Promise.all(Array.from({ length: size }, () => rawUpstream()));
  for (const upstream of upstreams) t.after(() => upstream.close());
  const services = { goods: upstreams.map(({ address }) => address) };
  const gateway = await startGatewayUnderTest({ routes, services });
  t.after(() => gateway.close());
  return { gateway, upstreams };
}

const twoRoutes = `
routes:
  - { prefix: /goods, service: goods, rewritePrefix: /v2 }
  - { prefix: /goods/admin, service: goods }
  - { prefix: /, service: goods, host: shop.example }
`;

describe('an explanation', () => {
  test('names the route that matched, and why each other one did not', async (t) => {
    const { gateway } = await behindGateway(t, answering(ok()), twoRoutes);
    const { path, route, routes } = await explained(gateway, { url: '/goods/x/../list?page=2' });
    assert.equal(path, '/goods/list');
    assert.equal(route, '/goods');
    assert.deepEqual(routes, [
      { id: 'shop.example/', fit: 'other-host', why: 'is for the host shop.example only' },
      { id: '/goods/admin', fit: 'other-path', why: '/goods/list is not /goods/admin or below it' },
      { id: '/goods', fit: 'matched', why: 'the most specific that fits' },
    ]);
  });

  test('shows the target and the fields that the endpoint then sees', async (t) => {
    const { gateway, upstream, port } = await behindGateway(t, answering(ok()), twoRoutes);
    const question = {
      url: '/goods/list?page=2',
      headers: ['Host: a.example', 'X-One: 1', 'Connection: X-Hop', 'X-Hop: 2', 'X-Forwarded-For: 10.9.9.9'],
    };
    const { forwarded } = await explained(gateway, question);
    await rawRequest(port, bytesOf(question));
    const seen = await upstream.request();
    assert.equal(`GET ${forwarded?.target} HTTP/1.1`, seen.startLine);
    assert.equal(forwarded?.target, '/v2/list?page=2');
    const own = ['connection', 'traceparent', 'x-forwarded-port'];
    const told = forwarded.headers.filter(({ name }) => !own.includes(name.toLowerCase()));
    assert.deepEqual(
      told.map(({ name, value }) => [name.toLowerCase(), value]),
      seen.fields
        .filter(([name]) => !own.includes(name.toLowerCase()))
        .map(([name, value]) => [name.toLowerCase(), value]),
    );
  });

  test('shows a placeholder for each id that the request gets anew, and keeps those of the client', async (t) => {
    const { gateway } = await behindGateway(t);
    const traceparent = async (...headers: string[]): Promise<string | undefined> => {
      const { forwarded } = await explained(gateway, { url: '/x', headers: ['Host: a', ...headers] });
      return forwarded?.headers.find(({ name }) => name.toLowerCase() === 'traceparent')?.value;
    };
    assert.equal(await traceparent(), '00-<new trace id>-<new span id>-01');
    const [trace, span] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    assert.equal(await traceparent(`traceparent: 00-${trace}-${span}-00`), `00-${trace}-<new span id>-00`);
  });

  test('says what it took for granted', async (t) => {
    const { gateway } = await behindGateway(t);
    const bare = await explained(gateway, { url: '/x' });
    assert.deepEqual(bare.request.assumed, ['Host: localhost', 'it comes from 127.0.0.1']);
    const full = await explained(gateway, { url: 'http://shop.example/x', client: '10.0.0.9' });
    assert.deepEqual(full.request.assumed, []);
    assert.equal(full.request.host, 'shop.example');
    const secure = await explained(gateway, { url: 'https://shop.example/x' });
    assert.equal(secure.refusal, null);
    assert.equal(secure.forwarded?.headers.find(({ name }) => name === 'X-Forwarded-Proto')?.value, 'https');
    assert.equal(full.request.client, '10.0.0.9');
  });
});

describe('a refusal that is explained', () => {
  const small = `routes: [{ prefix: /goods, service: goods, maxBody: 1KiB }, { prefix: /none, service: none }]\n`;
  const refused: readonly (readonly [string, Question])[] = [
    ['NO_ROUTE', { url: '/elsewhere', headers: ['Host: a'] }],
    ['NO_ENDPOINT', { url: '/none/x', headers: ['Host: a'] }],
    ['BAD_REQUEST', { url: '/goods/%2e%2e/x', headers: ['Host: a'] }],
    ['BAD_REQUEST', { url: '/goods', headers: ['Host: a@b'] }],
    ['BAD_REQUEST', { url: 'http://user@goods/', headers: ['Host: a'] }],
    ['EXPECTATION_FAILED', { url: '/goods', headers: ['Host: a', 'Expect: miracles'] }],
    ['PAYLOAD_TOO_LARGE', { method: 'POST', url: '/goods', headers: ['Host: a', 'Content-Length: 4096'] }],
  ];
  for (const [code, question] of refused) {
    test(`is the one that the request gets: ${code} for ${question.url} ${question.headers?.at(-1)}`, async (t) => {
      const { gateway, port } = await behindGateway(t, answering(ok()), small);
      const { refusal, pick } = await explained(gateway, question);
      const response = await rawRequest(port, bytesOf(question));
      const answer = JSON.parse(response.body.toString());
      assert.equal(answer.code, code);
      assert.equal(refusal?.code, code);
      assert.equal(refusal?.status, response.status);
      assert.match(refusal?.why ?? '', /\w{3}/);
      assert.equal(pick, null);
    });
  }

  test('says of each endpoint why it takes no request', async (t) => {
    const { gateway, upstreams } = await fleet(t, 1, routeAll());
    const address = upstreams[0]?.address ?? '';
    await fetch(`http://127.0.0.1:${gateway.adminPort}/api/services/goods/endpoints/${address}/drain`, {
      method: 'POST',
    });
    const { refusal, endpoints } = await explained(gateway, { url: '/' });
    assert.equal(refusal?.code, 'NO_ENDPOINT');
    assert.equal(refusal.why, 'its only endpoint takes no requests');
    assert.deepEqual(
      endpoints.map(({ state, notEligible, chance, score, connection }) => [
        state,
        notEligible,
        chance,
        score,
        connection,
      ]),
      [['draining', 'draining: told so by an operator', 0, null, null]],
    );
  });
});

describe('the pick that is explained', () => {
  const withPolicy = (policy: string): string =>
    `routes: [{ prefix: /, service: goods }]\nservices: { goods: { ${policy} } }\n`;

  test('is where the next request goes, and asking moves no turn and counts nothing', async (t) => {
    const { gateway, upstreams } = await fleet(t, 3, withPolicy('balance: round-robin'));
    for (let turn = 0; turn < 6; turn += 1) {
      const first = await explained(gateway, { url: '/' });
      const { pick, endpoints } = await explained(gateway, { url: '/' });
      assert.equal(first.pick, pick);
      assert.deepEqual(endpoints.map(({ score }) => score).sort(), [0, 1, 2]);
      assert.equal(
        endpoints.reduce((sum, { requests }) => sum + requests, 0),
        turn,
      );
      await rawRequest(gateway.port, head('GET / HTTP/1.1', 'Host: a'));
      assert.equal((await gateway.record(turn)).endpoint, pick);
    }
    assert.equal(
      upstreams.reduce((sum, { requests }) => sum + requests.length, 0),
      6,
    );
    assert.equal(gateway.requests.length, 6);
  });

  test('is a matter of odds where chance decides', async (t) => {
    const { gateway } = await fleet(t, 4, withPolicy('balance: least-loaded'));
    const { pick, service, endpoints } = await explained(gateway, { url: '/' });
    assert.equal(pick, null);
    assert.match(service?.compares ?? '', /in flight/);
    assert.deepEqual(
      endpoints.map(({ chance, score, connection }) => [chance, score, connection]),
      Array(4).fill([0.25, 0, 'new']),
    );
  });

  test('follows the key of the request with consistent-hash, and names the place it lands on', async (t) => {
    const policy = 'balance: consistent-hash, hashOn: "header:x-user"';
    const { gateway } = await fleet(t, 3, withPolicy(policy));
    for (const [index, user] of ['ann', 'bob', 'eve', 'joe'].entries()) {
      const question = { url: '/', headers: ['Host: a', `X-User: ${user}`] };
      const { pick, service } = await explained(gateway, question);
      assert.equal(service?.key?.value, user);
      assert.equal(service.key.owner, pick);
      assert.equal(service.key.places, 3 * 64);
      await rawRequest(gateway.port, bytesOf(question));
      assert.equal((await gateway.record(index)).endpoint, pick);
    }
    const keyless = await explained(gateway, { url: '/' });
    assert.deepEqual([keyless.pick, keyless.service?.key?.value], [null, null]);
  });
});

describe('the retries that are explained', () => {
  const again = async (t: TestContext, question: Question, ...policy: string[]): Promise<string[]> => {
    const { gateway } = await behindGateway(t, answering(ok()), routeAll(...policy));
    return (await explained(gateway, question)).retries.map((retry) => retry.again);
  };

  test('are those of a request that may be executed twice', async (t) => {
    assert.deepEqual(await again(t, { url: '/' }, 'maxAttempts: 3', 'retryOn: [503]'), [
      'another-endpoint',
      'same-endpoint',
      'another-endpoint',
      'another-endpoint',
      'another-endpoint',
      'another-endpoint',
    ]);
  });

  test('are none once a POST has been sent', async (t) => {
    assert.deepEqual(await again(t, { method: 'POST', url: '/' }), [
      'another-endpoint',
      'no',
      'no',
      'no',
      'no',
    ]);
  });
});

describe('a question that cannot be understood', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['url', 'method=GET'],
    ['url', 'url=goods'],
    ['url', 'url=%2Fa%20b'],
    ['method', 'url=/&method=FETCH'],
    ['method', 'url=/&method=CONNECT'],
    ['method', 'url=/&method=GET&method=PUT'],
    ['header', 'url=/&header=nocolon'],
    ['header', 'url=/&header=a%20b:c'],
    ['header', 'url=/&header=a:b%0ac'],
    ['client', 'url=/&client=localhost'],
    ['headers', 'url=/&headers=a:b'],
  ];
  test('is answered with the parameter that is wrong', async (t) => {
    const { gateway } = await behindGateway(t);
    for (const [parameter, query] of bad) {
      const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/api/explain?${query}`);
      assert.equal(response.status, 400, query);
      assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
      const problem = JSON.parse(await response.text());
      assert.deepEqual([problem.code, problem.parameter], ['BAD_REQUEST', parameter], query);
      assert.equal(problem.detail, `The query parameter "${parameter}" ${problem.reason}.`);
    }
  });

  test('is told which of its fields is wrong', async (t) => {
    const { gateway } = await behindGateway(t);
    const fields = ['a: b', 'nocolon', 'c: d'].map((field) => `header=${encodeURIComponent(field)}`);
    const problem = await gateway.api(`/api/explain?url=/&${fields.join('&')}`);
    assert.deepEqual(problem, {
      title: 'Bad request',
      status: 400,
      detail: 'The query parameter "header" is not "name: value".',
      code: 'BAD_REQUEST',
      parameter: 'header',
      reason: 'is not "name: value"',
      index: 1,
    });
  });
});
