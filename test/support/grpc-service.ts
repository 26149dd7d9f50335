import type { TestContext } from 'node:test';
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type status,
} from '@grpc/grpc-js';

const asIs = (bytes: Buffer): Buffer => bytes;

const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${path}`,
  requestStream,
  responseStream,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});

/** Messages are bytes, so that nothing has to be compiled. */
export const echo = {
  unary: method('Unary', false, false),
  repeat: method('Repeat', false, true),
  collect: method('Collect', true, false),
  chat: method('Chat', true, true),
};

export interface EchoHandlers {
  readonly unary: handleUnaryCall<Buffer, Buffer>;
  readonly repeat: handleServerStreamingCall<Buffer, Buffer>;
  readonly collect: handleClientStreamingCall<Buffer, Buffer>;
  readonly chat: handleBidiStreamingCall<Buffer, Buffer>;
}

/** Unary: says its name, a colon and the message. Repeat: the message ten times. Collect: how many bytes. Chat: each back. */
const usual = (name: string): EchoHandlers => ({
  unary: (call, callback) => {
    const trailers = new Metadata();
    trailers.set('x-server', name);
    callback(null, Buffer.concat([Buffer.from(`${name}:`), call.request]), trailers);
  },
  repeat: (call) => {
    for (let count = 0; count < 10; count += 1) call.write(call.request);
    call.end();
  },
  collect: (call, callback) => {
    let bytes = 0;
    call.on('data', (message: Buffer) => {
      bytes += message.length;
    });
    call.once('end', () => callback(null, Buffer.from(String(bytes))));
  },
  chat: (call) => {
    call.on('data', (message: Buffer) => {
      if (!call.write(message)) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    });
    call.once('end', () => call.end());
  },
});

export interface EchoServer {
  readonly name: string;
  readonly address: string;
  readonly server: Server;
  /** Breaks off everything, as the end of its process would. */
  kill(): void;
}

/** A grpc-js server on a free port, which ends with the test. */
export async function startEcho(
  t: TestContext,
  { name = 'echo', port = 0, ...handlers }: Partial<EchoHandlers> & { name?: string; port?: number } = {},
): Promise<EchoServer> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(echo, { ...usual(name), ...handlers });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, found) =>
      error === null ? resolve(found) : reject(error),
    );
  });
  t.after(() => server.forceShutdown());
  return { name, address: `127.0.0.1:${bound}`, server, kill: () => server.forceShutdown() };
}

export interface Reply {
  readonly code: status;
  readonly details: string;
  readonly message: Buffer | undefined;
  readonly initial: Metadata;
  readonly trailers: Metadata;
}

/** A grpc-js client, which ends with the test. */
export class EchoClient {
  readonly client: Client;

  constructor(t: TestContext, port: number, ca?: Buffer) {
    const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(ca);
    this.client = new Client(`127.0.0.1:${port}`, channel, {
      'grpc.max_receive_message_length': -1,
      // The name in the certificate: the server name of TLS may not be an address.
      'grpc.ssl_target_name_override': 'localhost',
    });
    t.after(() => this.client.close());
  }

  /** One unary call; resolves however it ended. `timeout` in milliseconds. */
  unary(
    message: Buffer | string,
    { timeout, path = echo.unary.path }: { timeout?: number; path?: string } = {},
  ): Promise<Reply> {
    return new Promise((resolve) => {
      let initial = new Metadata();
      let answer: Buffer | undefined;
      const options = timeout === undefined ? {} : { deadline: Date.now() + timeout };
      const call = this.client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        Buffer.from(message),
        options,
        (_error, found) => {
          answer = found;
        },
      );
      call.on('metadata', (metadata: Metadata) => {
        initial = metadata;
      });
      call.on('status', ({ code, details, metadata }) => {
        setImmediate(() => resolve({ code, details, message: answer, initial, trailers: metadata }));
      });
    });
  }

  repeat(message: Buffer) {
    return this.client.makeServerStreamRequest(echo.repeat.path, asIs, asIs, message);
  }

  collect(done: (message: Buffer | undefined) => void) {
    return this.client.makeClientStreamRequest(echo.collect.path, asIs, asIs, (_error, found) => done(found));
  }

  chat() {
    return this.client.makeBidiStreamRequest(echo.chat.path, asIs, asIs);
  }
}
