// A process of its own: three endpoints and the clients of one gateway, so that neither shares a loop with it.
// Tells the addresses; asked with a URL and a time, sends for so long and tells what came of it.
import { Agent, createServer, get, type Server } from 'node:http';

export interface FleetOrder {
  readonly url: string;
  readonly forMs: number;
}

export interface FleetReport {
  readonly answered: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that each endpoint had. */
  readonly requests: readonly number[];
}

const CLIENTS = 32;
/** So long that the waiting, not the processor, decides how many requests are answered. */
const QUICK_MS = 50;
/** `slow`: the last endpoint is 20 times slower. `failing`: it answers 500 at once. */
const kind = process.argv[2] ?? 'slow';

const requests = [0, 0, 0];

const servers = requests.map((_, index) =>
  createServer((_request, response) => {
    requests[index] = (requests[index] ?? 0) + 1;
    const odd = index === requests.length - 1;
    if (odd && kind === 'failing') response.writeHead(500, { 'content-length': 0 }).end();
    else setTimeout(() => response.end('ok'), odd ? 20 * QUICK_MS : QUICK_MS);
  }),
);

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

function ask(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', reject);
  });
}

async function run({ url, forMs }: FleetOrder): Promise<FleetReport> {
  requests.fill(0);
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const latencies: number[] = [];
  let failed = 0;
  const until = performance.now() + forMs;
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      const sentAt = performance.now();
      const status = await ask(url, agent);
      const answeredAt = performance.now();
      // Later ones belong to a longer run, and most of them are the slow endpoint's.
      if (answeredAt > until) return;
      if (status === 200) latencies.push(answeredAt - sentAt);
      else failed += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return {
    answered: latencies.length,
    failed,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    requests: [...requests],
  };
}

process.on('message', (order) => void run(order as FleetOrder).then((report) => process.send?.(report)));
process.once('disconnect', () => process.exit(0));
process.send?.(await Promise.all(servers.map(listen)));
