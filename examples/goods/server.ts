import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** One line for each request, as the service's log has it. */
export interface RequestLine {
  readonly trace_id: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly duration_ms: number;
}

const MAX_BODY_BYTES = 1024 * 1024;
/** W3C Trace Context: version, trace id, parent id, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** The goods service: `/goods/list` answers with the trace id of the request. */
export function goodsServer(log: (line: RequestLine) => void): Server {
  const server = createServer((request, response) => {
    const startedAt = performance.now();
    const path = (request.url ?? '/').replace(/\?.*$/, '');
    let traceId = traceIdOf(request);
    response.once('close', () => {
      const duration_ms = Math.round((performance.now() - startedAt) * 1000) / 1000;
      log({
        trace_id: traceId,
        method: request.method ?? '',
        path,
        status: response.statusCode,
        duration_ms,
      });
    });
    readBody(request).then(
      (body) => {
        traceId = traceIdInBody(body) ?? traceId;
        // While leaving: a connection kept alive would hold up the end.
        if (!server.listening) response.shouldKeepAlive = false;
        if (path === '/goods/list') answer(response, 200, 0, 'get goods list success', traceId);
        else if (path === '/') answer(response, 200, 0, 'goods', traceId);
        else answer(response, 404, 404, 'not found', traceId);
      },
      // The client has gone, or sends more than this service reads.
      () => request.destroy(),
    );
  });
  return server;
}

function answer(
  response: ServerResponse,
  status: number,
  code: number,
  message: string,
  traceId: string,
): void {
  const body = JSON.stringify({ code, message, trace_id: traceId });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('body too large');
  }
  return Buffer.concat(chunks).toString();
}

function traceIdOf({ headers }: IncomingMessage): string {
  const traceparent = headers['traceparent'];
  const fromParent = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  const plain = headers['x-trace-id'];
  return fromParent ?? (typeof plain === 'string' && plain !== '' ? plain : randomBytes(16).toString('hex'));
}

/** A caller may bring its own, as callers of the Go service that this one models do. */
function traceIdInBody(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('trace_id' in parsed)) return undefined;
    return typeof parsed.trace_id === 'string' && parsed.trace_id !== '' ? parsed.trace_id : undefined;
  } catch {
    return undefined;
  }
}
