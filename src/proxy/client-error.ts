import { IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Cause, causeRule } from '../core/causes.js';
import { systemCode } from '../core/errors.js';
import { connectionOf } from './client-connection.js';
import { whenAnswered, whenItsTurn } from './client-order.js';
import { type ClientRequest, type ClientSocket, NEWEST, UNDER_WAY } from './client-side.js';
import type { ProxyContext } from './context.js';
import { problem } from './problem.js';

/**
 * Answers what Node's parser refuses before, or while, it becomes a request. The connection is
 * closed: after a framing error nothing that follows can be trusted (RFC 9112 section 11.2).
 */
export function answerClientError(context: ProxyContext, error: Error, socket: Socket & ClientSocket): void {
  const code = systemCode(error);
  // The end of the connection inside a request is no malformed request: the client has left.
  const left = code === 'ECONNRESET' || code === 'HPE_INVALID_EOF_STATE' || !socket.writable;
  if (left) socket.destroy();
  // One that has been answered, or refused, before its end has been told that the connection closes.
  else if (isArriving(socket[NEWEST])) socket[UNDER_WAY]?.clientFailed(causeOf(code));
  else refuseInTurn(context, socket, causeOf(code));
}

/** Whether the content of a request has not come to its end, so that it is where the failure was. */
function isArriving(request: ClientRequest | undefined): boolean {
  return request instanceof IncomingMessage && !request.complete;
}

/**
 * What cannot be read is answered like a request: behind those that came before it, and not at all when one of them closes
 * the connection (RFC 9112 sections 9.3.2 and 9.6). The parser says it again for all that follows.
 */
function refuseInTurn(context: ProxyContext, socket: Socket & ClientSocket, cause: Cause): void {
  if (context.closing.has(socket)) return;
  context.closing.add(socket);
  whenAnswered(socket, () => refuse(context, socket, cause));
}

/** A gateway is no forward proxy: it opens no tunnel to where a client says. */
export function refuseConnect(server: Server, context: ProxyContext): void {
  server.on('connect', (_request, stream) => {
    const socket = stream as Socket;
    whenItsTurn(socket, () => refuse(context, socket, 'BAD_REQUEST'));
  });
}

function causeOf(code: string | undefined): Cause {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST';
}

function refuse(context: ProxyContext, socket: Socket, cause: Cause): void {
  const traceId = context.randomHex(16);
  const { status, reason, headers, body } = problem(cause, traceId);
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let index = 0; index < headers.length; index += 2)
    head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  socket.on('error', () => undefined);
  socket.end(Buffer.concat([Buffer.from(`${head}Connection: close\r\n\r\n`, 'latin1'), body]));
  socket.destroySoon();
  context.announce('request', {
    traceId,
    at: context.clock.now(),
    method: '',
    path: '',
    route: undefined,
    service: undefined,
    endpoint: undefined,
    status: causeRule(cause).status,
    cause,
    attempts: 0,
    durationMs: 0,
    upstreamMs: 0,
    bytesIn: 0,
    bytesOut: body.length,
    client: connectionOf(socket, context.current().proxies).peer,
    tries: [],
  });
}
