import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { canonicalPath } from '../routing/path.js';
import { giveBack, whenItsTurn } from './client-order.js';
import type { ProxyContext } from './context.js';
import { handleRequest } from './handler.js';
import { headerKind } from './header-kinds.js';
import { readTarget } from './target.js';

/**
 * The same on a server that the gateway shares: handshakes for other paths than its routes are left
 * to whoever else listens for upgrades.
 */
export function shareUpgrades(server: Server, context: ProxyContext): void {
  server.on('upgrade', (request, socket, head) => {
    const stream = socket as Socket;
    const { table } = context.current();
    const path = canonicalPath(readTarget(request.url ?? '')?.path ?? '', table.depth);
    const ours = path !== undefined && table.match(request.headers.host, path) !== undefined;
    if (ours && isWebSocket(request)) serveHandshake(context, request, stream, head);
    else if (server.listenerCount('upgrade') === 1) serveWithoutUpgrade(server, request, stream, head);
  });
}

/**
 * Listens for upgrades on an HTTP server. A WebSocket handshake is served like any request, on the
 * bare socket, until the endpoint agrees. Any other upgrade is ignored, which RFC 9110 section 7.8
 * allows: the request is served as if it had not asked.
 */
export function acceptUpgrades(server: Server, context: ProxyContext): void {
  server.on('upgrade', (request, socket, head) => {
    const stream = socket as Socket;
    if (isWebSocket(request)) serveHandshake(context, request, stream, head);
    else serveWithoutUpgrade(server, request, stream, head);
  });
}

/** `Upgrade` of an HTTP/1.0 client must be ignored (RFC 9110 section 7.8). */
function isWebSocket({ method, headers, httpVersion }: IncomingMessage): boolean {
  return method === 'GET' && httpVersion === '1.1' && headers.upgrade?.toLowerCase() === 'websocket';
}

function serveHandshake(context: ProxyContext, request: IncomingMessage, socket: Socket, head: Buffer): void {
  whenItsTurn(socket, () => {
    if (head.length > 0) socket.unshift(head);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => {
      response.detachSocket(socket);
      response.emit('close');
      socket.destroySoon();
    });
    handleRequest(context, request, response, true);
  });
}

/**
 * Node hands every upgrade to the listener as soon as there is one. So the head goes back on the
 * socket without `Upgrade`, and the server meets the connection again.
 */
function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { rawHeaders, method, url, httpVersion } = request;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const kind = headerKind(name);
    if (kind !== 'upgrade' && kind !== 'connection') text += `${name}: ${rawHeaders[index + 1]}\r\n`;
    if (kind === 'connection') text += withoutUpgrade(name, rawHeaders[index + 1] ?? '');
  }
  whenItsTurn(socket, () => {
    giveBack(socket);
    socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
    server.emit('connection', socket);
  });
}

/** The field line without the option, or nothing: HTTP/1.0 and HTTP/1.1 differ in what no option means. */
function withoutUpgrade(name: string, connection: string): string {
  const options = connection.split(',').map((option) => option.trim());
  const others = options.filter((option) => option.toLowerCase() !== 'upgrade').join(', ');
  return others === '' ? '' : `${name}: ${others}\r\n`;
}
