import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { ClientRequest } from './client-side.js';
import type { ProxyContext } from './context.js';

const LINGER_MS = 5_000;

/**
 * Lets a client that still sends its request read the answer. Closing at once would reset the
 * connection, and the reset may overtake the answer (RFC 9112 section 9.6). So when Node comes to
 * close the connection after the response, only our side of it is closed; the rest of the request is
 * read and thrown away until it ends, or for some seconds. Nothing else is served on it. A stream of
 * HTTP/2 needs none of this: it ends alone.
 */
export function closeLingering(request: ClientRequest, { clock, closing }: ProxyContext): void {
  if (!(request instanceof IncomingMessage)) return;
  const { socket } = request;
  closing.add(socket);
  socket.destroySoon = () => {
    socket.end();
    const timer = clock.after(LINGER_MS, () => socket.destroy());
    socket.once('close', () => timer.cancel());
    if (request.complete) Socket.prototype.destroySoon.call(socket);
    else request.once('end', () => Socket.prototype.destroySoon.call(socket));
  };
}
