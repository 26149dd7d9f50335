import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BalanceMethod } from '../../src/core/route.js';
import { routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import type { FleetOrder, FleetReport } from '../support/slow-fleet.js';

// One of three endpoints is not like the others, and 32 clients ask as fast as they are answered.

/**
 * `SLOW_MS=6000` on a quiet machine holds the methods to their figures. Beside other tests, time says
 * little, and only where the requests went is looked at; test/unit/balancing-peak-ewma.test.ts holds them
 * to the same figures in simulated time.
 */
const FOR_MS = Number(process.env['SLOW_MS'] ?? 1_500);
const QUIET = FOR_MS >= 6_000;

const FLEET = fileURLToPath(new URL('../support/slow-fleet.ts', import.meta.url));

class Fleet {
  readonly #t: TestContext;
  readonly #child: ChildProcess;
  readonly #addresses: readonly string[];

  private constructor(t: TestContext, child: ChildProcess, addresses: readonly string[]) {
    this.#t = t;
    this.#child = child;
    this.#addresses = addresses;
  }

  static async start(t: TestContext, kind: 'slow' | 'failing'): Promise<Fleet> {
    const child = fork(FLEET, [kind], { execArgv: ['--import', 'tsx'] });
    t.after(async () => {
      child.disconnect();
      await once(child, 'exit');
    });
    const [addresses] = (await once(child, 'message')) as [readonly string[]];
    return new Fleet(t, child, addresses);
  }

  /** What clients see of a gateway with this method. Endpoints are not taken out. */
  async with(balance: BalanceMethod): Promise<FleetReport> {
    const gateway = await startGatewayUnderTest({
      routes: `${routeAll()}services:\n  goods: { balance: ${balance}, ejection: { enabled: false } }\n`,
      services: { goods: this.#addresses },
    });
    const order: FleetOrder = { url: gateway.url, forMs: FOR_MS };
    this.#child.send(order);
    const [report] = (await once(this.#child, 'message')) as [FleetReport];
    await gateway.close();
    const { answered, failed, p50Ms, p99Ms, requests } = report;
    this.#t.diagnostic(
      `${balance}: ${answered} answered, ${failed} failed, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, requests ${requests.join(' ')}`,
    );
    return report;
  }
}

/** The part of the requests that went to the last endpoint. */
function lastShare({ requests }: FleetReport): number {
  return (requests.at(-1) ?? 0) / requests.reduce((sum, count) => sum + count, 0);
}

test('one that is 20 times slower is sent little by least-loaded, and less by peak-ewma', async (t) => {
  const fleet = await Fleet.start(t, 'slow');
  const random = await fleet.with('random');
  const leastLoaded = await fleet.with('least-loaded');
  const peakEwma = await fleet.with('peak-ewma');
  const shares = [random, leastLoaded, peakEwma].map(lastShare);
  const [byRandom = 0, byLeastLoaded = 0, byPeakEwma = 0] = shares;
  assert.ok(byRandom > 1 / 6, `${shares}`);
  assert.ok(byLeastLoaded < 1 / 6 && byPeakEwma < 1 / 8, `${shares}`);
  assert.ok(byPeakEwma > 0, 'it is tried all the same');
  if (!QUIET) return;
  const more = leastLoaded.answered / random.answered;
  assert.ok(more >= 4, `least-loaded answered ${more.toFixed(2)} times as many requests as random`);
  assert.ok(peakEwma.p99Ms <= random.p99Ms / 5, `p99 ${peakEwma.p99Ms} ms, random ${random.p99Ms} ms`);
});

/**
 * A failure is forgotten in seconds, so that few requests a second let one that fails have more of them. One
 * that attracts traffic has nearly all of it.
 */
const MOST_FAILED = QUIET ? 0.05 : 1 / 3;

describe('one that fails at once does not attract traffic', () => {
  for (const balance of ['least-loaded', 'peak-ewma'] as const) {
    test(balance, async (t) => {
      const fleet = await Fleet.start(t, 'failing');
      const { answered, failed } = await fleet.with(balance);
      const share = failed / (answered + failed);
      assert.ok(share < MOST_FAILED, `${(100 * share).toFixed(1)} % of the requests went there`);
    });
  }
});
