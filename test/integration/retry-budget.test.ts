import assert from 'node:assert/strict';
import { connect, constants } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.js';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawEndpoint } from '../support/http2-endpoint.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';
import { Sequence } from '../support/sequence.js';

// Retries may be a fifth of a service's requests, and three at once are always allowed: docs/proxying.md.

const REQUESTS = 100;
const SHARE = REQUESTS / 5;
/** Retries that may always be under way. */
const LEAST = 3;

const GET = head('GET / HTTP/1.1', 'Host: a');
const SICK = ok('sick').replace('200 OK', '503 Sick');
/** So that all endpoints stay in the choice. */
const NO_EJECTION = 'defaults: { ejection: { enabled: false } }\n';

/** What becomes of requests, told in turn: another attempt, which waits at its endpoint, or the client's answer. */
class Progress {
  readonly #steps = new Sequence<'attempt' | 'answer'>('step');
  #waiting: (() => void)[] = [];

  attempt(fail: () => void): void {
    this.#waiting.push(fail);
    this.#steps.push('attempt');
  }

  answer(): void {
    this.#steps.push('answer');
  }

  /** Attempts that wait when the next `count` steps have been made; all of them fail then. */
  async after(count: number): Promise<number> {
    await this.#steps.nth(this.#taken + count - 1);
    this.#taken += count;
    const failing = this.#waiting;
    this.#waiting = [];
    for (const fail of failing) fail();
    return failing.length;
  }

  #taken = 0;
}

/** Each request is at an endpoint, then each that failed is tried again or answered, and so on. Returns the attempts of each round. */
async function rounds(progress: Progress): Promise<number[]> {
  const attempts: number[] = [];
  for (let steps = REQUESTS; steps > 0; steps = attempts.at(-1) ?? 0)
    attempts.push(await progress.after(steps));
  return attempts;
}

function holdsBudget([first, second = 0, ...later]: readonly number[]): void {
  assert.equal(first, REQUESTS);
  // Those made a while ago count a little less.
  assert.ok(second <= SHARE && second > SHARE / 2, `${second} of ${first} were tried again`);
  assert.deepEqual(later, [LEAST, 0]);
}

async function refusedRetries(gateway: GatewayUnderTest): Promise<number | undefined> {
  const series = await gateway.metric('watchgate_retries_refused_total');
  return series['service="goods"'];
}

async function gatewayTo(
  t: TestContext,
  addresses: readonly string[],
  ...policy: readonly string[]
): Promise<GatewayUnderTest> {
  const gateway = await startGatewayUnderTest({
    routes: `${routeAll('maxAttempts: 3', ...policy)}${NO_EJECTION}`,
    services: { goods: addresses },
  });
  t.after(() => gateway.close());
  return gateway;
}

test('retries of a listed status are kept to the budget, and clients beyond it get the answer of the endpoint', async (t) => {
  const progress = new Progress();
  const endpoints = await Promise.all(
    Array.from({ length: 4 }, () =>
      rawUpstream(async (connection) => {
        while ((await connection.request()) !== undefined) {
          await new Promise<void>((resolve) => progress.attempt(resolve));
          await connection.write(SICK);
        }
      }),
    ),
  );
  t.after(() => Promise.all(endpoints.map((endpoint) => endpoint.close())));
  const gateway = await gatewayTo(
    t,
    endpoints.map(({ address }) => address),
    'retryOn: [503]',
  );
  const client = async () => {
    const { startLine, body } = await rawRequest(gateway.port, GET);
    progress.answer();
    return `${startLine} ${body}`;
  };
  const answers = Promise.all(Array.from({ length: REQUESTS }, client));
  holdsBudget(await rounds(progress));
  assert.deepEqual(new Set(await answers), new Set(['HTTP/1.1 503 Sick sick']));
  // What was paid for has been given back: three at once may still be tried again, for as often as the route says.
  assert.equal(await refusedRetries(gateway), REQUESTS - LEAST);
  const later = client();
  for (let attempt = 1; attempt <= 3; attempt += 1) assert.equal(await progress.after(1), 1);
  await later;
  assert.equal(await refusedRetries(gateway), REQUESTS - LEAST);
});

test('so are those of calls of gRPC that endpoints refuse', async (t) => {
  const progress = new Progress();
  const endpoints = await Promise.all(
    Array.from({ length: 4 }, () =>
      rawEndpoint(t, (stream) => progress.attempt(() => stream.close(constants.NGHTTP2_REFUSED_STREAM))),
    ),
  );
  const gateway = await gatewayTo(
    t,
    endpoints.map(({ address }) => address),
    'protocol: grpc',
  );
  const session = connect(gateway.url);
  t.after(() => session.destroy());
  const call = async () => {
    const stream = session.request({ ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' });
    stream.end('hello');
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve));
    progress.answer();
  };
  const calls = Promise.all(Array.from({ length: REQUESTS }, call));
  holdsBudget(await rounds(progress));
  await calls;
  assert.equal(await refusedRetries(gateway), REQUESTS - LEAST);
});

for (const method of ['GET', 'POST'])
  test(`a ${method} that found no connection is tried elsewhere, however many there are`, async (t) => {
    const [deadPort] = await freePorts(1);
    let arrived = 0;
    let release: () => void = () => {};
    const all = new Promise<void>((resolve) => (release = resolve));
    const well = await rawUpstream(async (connection) => {
      while ((await connection.request()) !== undefined) {
        arrived += 1;
        if (arrived === REQUESTS) release();
        await all;
        await connection.write(ok('well'));
      }
    });
    t.after(() => well.close());
    const gateway = await gatewayTo(t, [`127.0.0.1:${deadPort}`, well.address]);
    const request = head(
      `${method} / HTTP/1.1`,
      'Host: a',
      ...(method === 'POST' ? ['Content-Length: 0'] : []),
    );
    const answers = Promise.all(
      Array.from({ length: REQUESTS }, async () => (await rawRequest(gateway.port, request)).body.toString()),
    );
    assert.deepEqual(new Set(await answers), new Set(['well']));
    assert.equal(await refusedRetries(gateway), undefined);
    const retries = await gateway.metric('watchgate_retries_total');
    assert.ok((retries['service="goods",reason="CONNECT_FAILED"'] ?? 0) > SHARE, JSON.stringify(retries));
  });

test('a retry that finds no connection gives back what was paid for it', async (t) => {
  const sick = await rawUpstream(answering(SICK));
  const busy = await rawUpstream(async (connection) => {
    await connection.request();
  });
  t.after(() => Promise.all([sick.close(), busy.close()]));
  const gateway = await startGatewayUnderTest({
    routes: `${routeAll('retryOn: [503]')}${NO_EJECTION}services: { goods: { balance: round-robin, maxConnections: 1, queueTimeout: 10ms } }\n`,
    services: { goods: [busy.address] },
  });
  t.after(() => gateway.close());
  const holding = await RawClient.connect(gateway.port);
  t.after(() => holding.destroy());
  await holding.write(GET);
  await busy.request();
  gateway.setEndpoints('goods', [busy.address, sick.address]);
  for (let turn = 0; turn < 16; turn += 1)
    assert.match((await rawRequest(gateway.port, GET)).body.toString(), /"code":"OVERLOADED"/);
  assert.ok(sick.requests.length > 2 * LEAST, 'more were paid for than may be under way');
  assert.equal(await refusedRetries(gateway), undefined);
});
