import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';

// An endpoint may close an idle connection at any moment, and so just as a request goes out on it
// (RFC 9112 section 9.3.1). Every keep-alive timeout that is shorter than ours makes that a matter of time.

/** `RACE_REQUESTS=100000` for the long form. */
const REQUESTS = Number(process.env['RACE_REQUESTS'] ?? 5_000);
const AT_ONCE = 16;
const ENDPOINT = fileURLToPath(new URL('../support/hasty-endpoint.ts', import.meta.url));

interface Ledger {
  /** How often each id was executed. */
  readonly executed: readonly (readonly [id: string, times: number])[];
  readonly connections: number;
}

class HastyEndpoint {
  readonly #child: ChildProcess;
  readonly address: string;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.address = `127.0.0.1:${port}`;
  }

  static async start(t: TestContext, idleMs: number): Promise<HastyEndpoint> {
    const child = fork(ENDPOINT, [String(idleMs)], { execArgv: ['--import', 'tsx'] });
    t.after(async () => {
      child.disconnect();
      await once(child, 'exit');
    });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new HastyEndpoint(child, port);
  }

  async ledger(): Promise<Ledger> {
    this.#child.send('ledger');
    const [ledger] = (await once(this.#child, 'message')) as [Ledger];
    return ledger;
  }
}

const isPost = (index: number): boolean => index % 4 === 3;

/** Ids of the requests that were not answered 200, with what they were answered. */
async function send(url: string): Promise<{ gets: string[]; posts: string[] }> {
  const pool = new Pool(url, { connections: AT_ONCE, pipelining: 1 });
  const failed: { gets: string[]; posts: string[] } = { gets: [], posts: [] };
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < REQUESTS; index = next++) {
      const post = isPost(index);
      const { statusCode, body } = await pool.request({
        path: `/r${index}`,
        method: post ? 'POST' : 'GET',
        body: post ? 'hi' : null,
      });
      await body.dump();
      if (statusCode !== 200) (post ? failed.posts : failed.gets).push(`r${index}: ${statusCode}`);
      // About the moment at which the endpoint gives up.
      if (index % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  await pool.close();
  return failed;
}

test(`${REQUESTS} requests to an endpoint that keeps connections for 1 ms: no GET fails, no POST is executed twice`, async (t) => {
  const endpoint = await HastyEndpoint.start(t, 1);
  const gateway = await startGatewayUnderTest({
    routes: routeAll(),
    services: { goods: [endpoint.address] },
  });
  t.after(() => gateway.close());
  const failed = await send(gateway.url);
  const { executed, connections } = await endpoint.ledger();
  const retries = Object.values(await gateway.metric('watchgate_retries_total'));
  t.diagnostic(
    `${connections} connections, ${retries} retries, ${failed.gets.length} GETs and ${failed.posts.length} POSTs failed`,
  );
  const twice = executed.filter(([id, times]) => times > 1 && isPost(Number(id.slice(1))));
  assert.deepEqual(failed.gets, []);
  assert.deepEqual(twice, []);
  assert.ok(retries.length > 0 && connections > REQUESTS / 100, 'there was no race');
  // Sent on a connection that broke, a POST may have been executed or not: 502 is the honest answer.
  assert.ok(failed.posts.every((failure) => failure.endsWith(': 502')));
});
