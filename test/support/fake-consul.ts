import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What a query asked for. */
export interface FakeQuery {
  readonly path: string;
  /** Empty when it was to be answered at once. */
  readonly index: string;
  readonly wait: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  /** Milliseconds on the monotonic clock. */
  readonly at: number;
}

export interface FakeAnswer {
  readonly status?: number;
  /** `X-Consul-Index`; none is sent when absent. */
  readonly index?: number | string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `hold`: no answer until the script is another one. */
export type FakeScript = (query: FakeQuery) => FakeAnswer | 'hold';

/** An HTTP server that answers as Consul would on its worst days. */
export interface FakeConsul {
  readonly endpoint: string;
  /** Queries that were to be answered at once to prove the view, which are not the blocking ones, are left out. */
  readonly queries: readonly FakeQuery[];
  /** Answers by `script` from now on, what is held included. */
  play(script: FakeScript): void;
  close(): Promise<void>;
}

interface Held {
  readonly query: FakeQuery;
  readonly response: ServerResponse;
}

export async function startFakeConsul(first: FakeScript): Promise<FakeConsul> {
  const queries: FakeQuery[] = [];
  const held = new Set<Held>();
  let script = first;
  const serve = (one: Held): void => {
    const answer = script(one.query);
    if (answer === 'hold') return void held.add(one);
    held.delete(one);
    const { status = 200, index, body = [], headers = {} } = answer;
    one.response.writeHead(status, {
      'content-type': 'application/json',
      ...(index !== undefined && { 'x-consul-index': String(index) }),
      ...headers,
    });
    one.response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    const query = queryOf(request);
    if (!query.query.has('consistent')) queries.push(query);
    const one = { query, response };
    response.once('close', () => held.delete(one));
    serve(one);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    queries,
    play(next) {
      script = next;
      for (const one of [...held]) serve(one);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function queryOf(request: IncomingMessage): FakeQuery {
  const url = new URL(request.url ?? '/', 'http://consul');
  return {
    path: url.pathname,
    index: url.searchParams.get('index') ?? '',
    wait: url.searchParams.get('wait') ?? '',
    query: url.searchParams,
    token: [request.headers['x-consul-token']].flat()[0],
    at: performance.now(),
  };
}

/** An entry of `/v1/health/service/…`. */
export function healthEntry(
  address: string,
  port = 80,
  more: Readonly<Record<string, unknown>> = {},
): unknown {
  return {
    Node: { Node: 'n1', Address: '10.9.9.9' },
    Service: {
      ID: `goods-${address}`,
      Service: 'goods',
      Tags: [],
      Address: address,
      Port: port,
      Meta: {},
      Weights: { Passing: 1, Warning: 1 },
      ModifyIndex: 7,
      ...more,
    },
    Checks: [],
  };
}
