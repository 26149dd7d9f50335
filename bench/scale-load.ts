import { Pool } from 'undici';
import type { LoadReport, LoadRequest } from './scale-client.js';

/**
 * Sends a request every 2 ms, however long the others take: a gateway that stands still for 100 ms delays fifty
 * requests, not one for each connection. The connections are open before, as an ingress has them.
 */
const EVERY_MS = 2;
const CONNECTIONS = 64;

interface Sending {
  stop(): Promise<LoadReport>;
}

async function send(url: string): Promise<Sending> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: CONNECTIONS, pipelining: 1 });
  const underWay = new Set<Promise<void>>();
  const latencies: number[] = [];
  let failures = 0;
  const request = async (): Promise<void> => {
    const sentAt = performance.now();
    try {
      const { statusCode, body } = await pool.request({ path: pathname, method: 'GET' });
      await body.dump();
      if (statusCode !== 200) failures += 1;
    } catch {
      failures += 1;
    }
    latencies.push(performance.now() - sentAt);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, request));
  latencies.length = 0;
  const timer = setInterval(() => {
    const sent = request();
    underWay.add(sent);
    void sent.then(() => underWay.delete(sent));
  }, EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      await pool.close();
      const sorted = latencies.sort((a, b) => a - b);
      const p99Ms = sorted[Math.ceil(0.99 * sorted.length) - 1] ?? Number.NaN;
      return { requests: sorted.length, failures, p99Ms, worstMs: sorted.at(-1) ?? Number.NaN };
    },
  };
}

let sending: Sending | undefined;
process.on('message', async (told: LoadRequest) => {
  if (told.kind === 'start') {
    sending = await send(told.url);
    process.send?.('started');
  }
  if (told.kind === 'stop') process.send?.(await sending?.stop());
});
process.send?.('here');
