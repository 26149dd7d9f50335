import { createServer, type Socket } from 'node:net';
import { ok, type RawHead, type RawMessage, readHead, readMessage } from './raw-http.js';
import { Sequence } from './sequence.js';
import { LONGEST_TIMER_MS, listenOnLoopback, Wire } from './wire.js';

/** What the upstream does with each connection it accepts. */
export type Script = (connection: UpstreamConnection, index: number) => Promise<void> | void;

/** One connection that the gateway made. */
export class UpstreamConnection extends Wire {
  readonly #onRequest: (request: RawMessage) => void;
  #offset = 0;

  constructor(socket: Socket, onRequest: (request: RawMessage) => void) {
    super(socket);
    this.#onRequest = onRequest;
  }

  /** The head of the next request, whose body may still be on its way. */
  requestHead(): Promise<RawHead> {
    return this.until('a request head', () => readHead(this.received(), this.#offset, 'request'));
  }

  /** The next request when all of it is there; undefined when the connection ends first, however late that is. */
  async request(): Promise<RawMessage | undefined> {
    const { request } = await this.until('a request', () => this.#next(), LONGEST_TIMER_MS);
    if (request === undefined) return undefined;
    this.#offset = request.end;
    this.#onRequest(request);
    return request;
  }

  #next(): { request: RawMessage | undefined } | undefined {
    const request = readMessage(this.received(), this.#offset, { kind: 'request' });
    return request === undefined && this.state === 'open' ? undefined : { request };
  }
}

/** A TCP server that records exactly what the gateway sent it and answers exactly the bytes it is told to. */
export interface RawUpstream {
  readonly port: number;
  readonly address: string;
  readonly connections: readonly UpstreamConnection[];
  /** Complete requests, over all connections, in order of completion. */
  readonly requests: readonly RawMessage[];
  /** The connection with this index, once it has been made. */
  connection(index?: number): Promise<UpstreamConnection>;
  /** The complete request with this index, once it has come. */
  request(index?: number): Promise<RawMessage>;
  close(): Promise<void>;
}

/** Answers each complete request on each connection. */
export function answering(answer: string | ((request: RawMessage, index: number) => string)): Script {
  return async (connection) => {
    for (let index = 0; ; index += 1) {
      const request = await connection.request();
      if (request === undefined) return;
      await connection.write(typeof answer === 'string' ? answer : answer(request, index));
    }
  };
}

/** Starts an upstream; by default it answers `ok` to everything. */
export async function rawUpstream(script: Script = answering(ok())): Promise<RawUpstream> {
  const connections = new Sequence<UpstreamConnection>('connection');
  const requests = new Sequence<RawMessage>('request');
  const server = createServer((socket) => {
    const connection = new UpstreamConnection(socket, (request) => requests.push(request));
    const index = connections.items.length;
    connections.push(connection);
    // A script that cannot go on ends its connection, which the test then sees.
    Promise.resolve(script(connection, index)).catch(() => connection.reset());
  });
  const port = await listenOnLoopback(server);
  return {
    port,
    address: `127.0.0.1:${port}`,
    connections: connections.items,
    requests: requests.items,
    connection: (index) => connections.nth(index),
    request: (index) => requests.nth(index),
    async close() {
      for (const { socket } of connections.items) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
