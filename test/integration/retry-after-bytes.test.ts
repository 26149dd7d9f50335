import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { rawUpstream } from '../support/raw-upstream.js';

// An endpoint that has begun to answer has seen the request, and a client that has been told of it saw an answer begin.

const CONTINUE = head('HTTP/1.1 100 Continue');
const EARLY = head('HTTP/1.1 103 Early Hints', 'Link: </a>');
const HALF = 'HTTP/1.1 200 OK\r\nX-A: ';

interface Fleet {
  readonly gateway: GatewayUnderTest;
  /** How often each endpoint was sent a request to /x. */
  readonly asked: readonly number[];
}

/**
 * So many endpoints, each of which has served a request on a connection that is kept. The first of them to be sent one
 * to /x answers `first` and closes; the next answers 200.
 */
async function fleet(t: TestContext, size: number, first: string, ...policy: string[]): Promise<Fleet> {
  const asked = Array.from({ length: size }, () => 0);
  let broken = false;
  const addresses: string[] = [];
  for (let index = 0; index < size; index += 1) {
    const upstream = await rawUpstream(async (connection) => {
      for (let seen = await connection.request(); seen !== undefined; seen = await connection.request()) {
        const isX = seen.startLine.includes('/x');
        if (isX) asked[index] = (asked[index] ?? 0) + 1;
        const breaks = isX && !broken;
        broken ||= isX;
        await connection.write(breaks ? first : ok());
        if (breaks) connection.end();
      }
    });
    t.after(() => upstream.close());
    addresses.push(upstream.address);
  }
  const gateway = await startGatewayUnderTest({
    routes: `${routeAll(...policy)}services: { goods: { balance: round-robin } }\n`,
    services: { goods: addresses },
  });
  t.after(() => gateway.close());
  for (let index = 0; index < size; index += 1)
    assert.equal((await rawRequest(gateway.port, head('GET /warm HTTP/1.1', 'Host: a'))).status, 200);
  return { gateway, asked };
}

const request = (method: string): string => head(`${method} /x HTTP/1.1`, 'Host: a', 'Content-Length: 0');

const BEGINNINGS: Readonly<Record<string, string>> = {
  'a 100': CONTINUE,
  'a part of a head': HALF,
  'a single byte': 'H',
  'a 100 and a part of a head': CONTINUE + HALF,
};

for (const [what, first] of Object.entries(BEGINNINGS)) {
  test(`a kept connection that ends after ${what} was not idle for too long: its endpoint is not sent the request again`, async (t) => {
    const { gateway, asked } = await fleet(t, 1, first);
    const response = await rawRequest(gateway.port, request('GET'));
    assert.deepEqual([response.status, asked], [502, [1]]);
    const { cause, tries } = await gateway.record(1);
    assert.deepEqual([cause, tries.map(({ outcome }) => outcome)], ['UPSTREAM_RESET', ['reset']]);
  });

  test(`after ${what}, an idempotent request is sent to another endpoint, any other is not`, async (t) => {
    for (const method of ['GET', 'PUT']) {
      const { gateway, asked } = await fleet(t, 2, first);
      assert.equal((await rawRequest(gateway.port, request(method))).status, 200);
      assert.deepEqual(asked, [1, 1]);
    }
    const { gateway, asked } = await fleet(t, 2, first);
    assert.equal((await rawRequest(gateway.port, request('POST'))).status, 502);
    assert.equal((asked[0] ?? 0) + (asked[1] ?? 0), 1);
  });
}

for (const [what, first] of Object.entries({
  'a connection that ends': EARLY,
  'a part of a head': EARLY + HALF,
  'what is no HTTP': `${EARLY}rubbish`,
})) {
  test(`once an interim response has been relayed, ${what} is the end of the request`, async (t) => {
    for (const method of ['GET', 'PUT', 'POST']) {
      const { gateway, asked } = await fleet(t, 2, first);
      const { status, interim } = await rawRequest(gateway.port, request(method));
      assert.deepEqual([status, interim.length], [502, 1]);
      assert.equal((asked[0] ?? 0) + (asked[1] ?? 0), 1);
    }
  });
}

test('so is a status listed in retryOn, which is relayed', async (t) => {
  const unavailable = head('HTTP/1.1 503 Not now', 'Content-Length: 0');
  const listed = await fleet(t, 2, EARLY + unavailable, 'retryOn: [503]');
  assert.equal((await rawRequest(listed.gateway.port, request('GET'))).status, 503);
  assert.equal((listed.asked[0] ?? 0) + (listed.asked[1] ?? 0), 1);
});

test('a kept connection that ends without a byte is tried again at the same endpoint, as ever', async (t) => {
  const { gateway, asked } = await fleet(t, 1, '');
  assert.equal((await rawRequest(gateway.port, request('GET'))).status, 200);
  assert.deepEqual(asked, [2]);
});
