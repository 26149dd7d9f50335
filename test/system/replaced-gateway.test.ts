import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.js';
import { routeAll } from '../support/gateway-under-test.js';
import { rawUpstream } from '../support/raw-upstream.js';
import { ReadyBalancer } from '../support/ready-balancer.js';
import { startRegistryUnderTest } from '../support/registry-under-test.js';

// Gateways are replaced one after another, as a rolling update does it, while clients that keep their
// connections and repeat nothing go on asking.

const CLIENTS = 12;
/** Of a client between two requests: its connection is idle for as long. */
const PAUSE_MS = 15;
/** Answered under way between one replacement and the next. */
const BETWEEN = 300;
/** Several times as long as the balancer takes to notice. */
const DRAIN = 'drainDelay: 2s\n';

/** Clients that ask, GET and POST in turn, one request after another each, until told to stop. */
class Clients {
  readonly failed: string[] = [];
  readonly #answers = new EventEmitter();
  readonly #pool: Pool;
  readonly #asking: Promise<void>[];
  #answered = 0;
  #stopped = false;

  constructor(port: number) {
    this.#pool = new Pool(`http://127.0.0.1:${port}`, { connections: CLIENTS, pipelining: 1 });
    this.#asking = Array.from({ length: CLIENTS }, (_, index) => this.#go(index));
  }

  /** Resolves when so many more have been answered. */
  async more(count: number): Promise<void> {
    const until = this.#answered + count;
    while (this.#answered < until) await once(this.#answers, 'answer');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#asking);
    await this.#pool.close();
  }

  async #go(index: number): Promise<void> {
    for (let turn = index; !this.#stopped; turn += 1) {
      const method = turn % 3 === 0 ? 'POST' : 'GET';
      try {
        const request = { method, path: `/${turn}`, body: method === 'POST' ? 'hi' : null } as const;
        const { statusCode, body } = await this.#pool.request(request);
        await body.dump();
        if (statusCode !== 200) this.failed.push(`${method}: ${statusCode}`);
      } catch (error) {
        this.failed.push(`${method}: ${error}`);
      }
      this.#answered += 1;
      this.#answers.emit('answer');
      await pause(PAUSE_MS);
    }
  }
}

async function startOne(t: TestContext, yaml: string): Promise<GatewayProcess> {
  return startGatewayProcess(t, `${yaml}${DRAIN}accessLog: off\n${routeAll()}`);
}

test('a gateway that is replaced behind a load balancer that follows /readyz loses no request', async (t) => {
  const upstream = await rawUpstream();
  t.after(() => upstream.close());
  const registry = await startRegistryUnderTest(t);
  await registry.register('goods', upstream.address);
  const balancer = await ReadyBalancer.start(t);
  const [first, second] = await Promise.all([startOne(t, registry.yaml), startOne(t, registry.yaml)]);
  await Promise.all([balancer.add(first), balancer.add(second)]);

  const clients = new Clients(balancer.port);
  await clients.more(BETWEEN);
  const replacement = startOne(t, registry.yaml);
  first.process.signal('SIGTERM');
  assert.equal((await first.process.exit).code, 0);
  await balancer.add(await replacement);
  await clients.more(BETWEEN);
  second.process.signal('SIGTERM');
  assert.equal((await second.process.exit).code, 0);
  await clients.more(BETWEEN);
  await clients.stop();
  assert.deepEqual(clients.failed, []);
});
