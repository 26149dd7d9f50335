import { Pool } from 'undici';

/** Requests to the URL given, one after another on some connections, until told to stop; then tells how long they took. */
const [, , url = '', connections = '1'] = process.argv;
const { origin, pathname } = new URL(url);
const pool = new Pool(origin, { connections: Number(connections), pipelining: 1 });
const latencies: number[] = [];
let stopped = false;

async function client(): Promise<void> {
  while (!stopped) {
    const sentAt = performance.now();
    const { statusCode, body } = await pool.request({ path: pathname, method: 'GET' });
    await body.dump();
    if (statusCode !== 200) throw new Error(`a request was answered ${statusCode}`);
    latencies.push(performance.now() - sentAt);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const clients = Promise.all(Array.from({ length: Number(connections) }, client));
process.send?.('started');
process.once('message', async () => {
  stopped = true;
  await clients;
  await pool.close();
  latencies.sort((a, b) => a - b);
  process.send?.({ requests: latencies.length, p99: latencies[Math.ceil(0.99 * latencies.length) - 1] });
  process.disconnect();
});
