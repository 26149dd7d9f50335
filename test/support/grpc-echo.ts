import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { Client, credentials, Metadata, Server, ServerCredentials, type ServiceError } from '@grpc/grpc-js';

const bytes = (text: string): Buffer => Buffer.from(text);
const text = (buffer: Buffer): string => buffer.toString();

const METHOD = {
  path: '/test.Echo/Name',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: text,
  responseSerialize: bytes,
  responseDeserialize: text,
} as const;

/** A gRPC server that answers every call with its name and the `:authority` that it was called by. */
export interface EchoServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Ends it with all its connections. */
  stop(): void;
}

export async function startEcho(t: TestContext, name: string): Promise<EchoServer> {
  const server = new Server();
  server.addService(
    { Name: METHOD },
    {
      Name: (call: { getHost(): string }, answer: (error: null, reply: string) => void) =>
        answer(null, `${name} as ${call.getHost()}`),
    },
  );
  const bind = promisify(server.bindAsync.bind(server));
  const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
  t.after(() => server.forceShutdown());
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}

export interface EchoClient {
  /** The name of the server that answered. Rejects with a ServiceError. */
  ask(options?: { waitForReady?: boolean }): Promise<string>;
  /** The same, with the `:authority` that was sent. */
  askFull(options?: { waitForReady?: boolean }): Promise<string>;
  /** The names of those who answer a number of calls, sorted. */
  answering(calls?: number): Promise<string[]>;
  close(): void;
}

const DEADLINE_MS = 20_000;

export function dialEcho(
  t: TestContext,
  target: string,
  policy: 'round_robin' | 'pick_first' = 'round_robin',
): EchoClient {
  const client = new Client(target, credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ [policy]: {} }] }),
    // A connection of its own, so that tests do not share any.
    'grpc.use_local_subchannel_pool': 1,
  });
  t.after(() => client.close());
  const askFull: EchoClient['askFull'] = ({ waitForReady = false } = {}) =>
    new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, reply?: string): void =>
        reply === undefined ? reject(error) : resolve(reply);
      const options = { deadline: Date.now() + DEADLINE_MS };
      client.makeUnaryRequest(
        METHOD.path,
        bytes,
        text,
        'who?',
        new Metadata({ waitForReady }),
        options,
        done,
      );
    });
  const ask: EchoClient['ask'] = async (options) => (await askFull(options)).split(' as ')[0] ?? '';
  return {
    ask,
    askFull,
    async answering(calls = 12) {
      const names = new Set<string>();
      for (let made = 0; made < calls; made++) names.add(await ask());
      return [...names].sort();
    },
    close: () => client.close(),
  };
}
