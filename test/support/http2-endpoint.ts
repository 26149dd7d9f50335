import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type { TestContext } from 'node:test';
import { Sequence } from './sequence.js';
import { listenOnLoopback } from './wire.js';

export interface RawEndpoint {
  readonly address: string;
  readonly streams: Sequence<ServerHttp2Stream>;
  readonly sessions: Sequence<ServerHttp2Session>;
}

/** An endpoint that speaks HTTP/2 and does nothing with a stream but what `script` says. Ends with the test. */
export async function rawEndpoint(
  t: TestContext,
  script: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, index: number) => void = () => undefined,
  settings: Settings = {},
): Promise<RawEndpoint> {
  const streams = new Sequence<ServerHttp2Stream>('stream');
  const sessions = new Sequence<ServerHttp2Session>('session');
  const server = createServer({ settings });
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const index = streams.items.length;
    streams.push(stream);
    script(stream, headers, index);
  });
  const port = await listenOnLoopback(server);
  t.after(() => {
    for (const session of sessions.items) session.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${port}`, streams, sessions };
}

/** Answers a call, if it still is one, with `OK` and no message. */
export function answerOk(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return;
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' },
    { endStream: true },
  );
}

export async function closed(stream: ServerHttp2Stream): Promise<void> {
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}
