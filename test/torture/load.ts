import { once } from 'node:events';
import { Agent, createServer, get, type Server } from 'node:http';

const REQUEST_EVERY_MS = 20;
const REQUEST_TIMEOUT_MS = 5_000;

/** A service that does nothing but answer: whatever fails on the way to it is not its fault. */
export class HealthyService {
  readonly #servers: readonly Server[] = Array.from({ length: 3 }, () =>
    createServer((_request, response) => response.end('ok')),
  );

  async open(): Promise<void> {
    await Promise.all(this.#servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  }

  get addresses(): string[] {
    return this.#servers.map((server) => {
      const address = server.address();
      return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    });
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.closeAllConnections();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Light and steady: 50 requests a second, until told to stop. Counts them, and keeps what went wrong. */
export class SteadyLoad {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #url: string;
  readonly #underWay = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  readonly failures: string[] = [];
  answered = 0;

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => this.#send(), REQUEST_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  #send(): void {
    const request = this.#request()
      .then((status) => {
        if (status === 200) this.answered += 1;
        else this.failures.push(`status ${status}`);
      })
      .catch((error: unknown) => void this.failures.push(String(error)))
      .finally(() => this.#underWay.delete(request));
    this.#underWay.add(request);
  }

  #request(): Promise<number> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      get(this.#url, { agent: this.#agent, signal }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', reject);
      }).on('error', reject);
    });
  }
}
