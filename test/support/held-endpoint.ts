import { createServer, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { Sequence } from './sequence.js';
import { listenOnLoopback } from './wire.js';

/** An endpoint that answers at once, except paths that end in `/held`, which the test answers. */
export interface HeldEndpoint {
  readonly address: string;
  /** Requests that it has answered or holds. */
  readonly requests: number;
  /** The held request with this index, once it has come. */
  held(index: number): Promise<ServerResponse>;
}

export async function startHeldEndpoint(t: TestContext): Promise<HeldEndpoint> {
  const held = new Sequence<ServerResponse>('held request');
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    if (request.url?.endsWith('/held') === true) held.push(response);
    else response.end('ok');
  });
  const port = await listenOnLoopback(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    address: `127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    held: (index) => held.nth(index),
  };
}
