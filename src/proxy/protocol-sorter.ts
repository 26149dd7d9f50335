import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { systemCode } from '../core/errors.js';

/** How a client of HTTP/2 begins that knows beforehand that it will be understood (RFC 9113 section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Lets one port take HTTP/1.1 and HTTP/2 without TLS. Every connection is given to Node's parser of HTTP/1.1, which then
 * reads it without any JavaScript; it stops behind the preface of HTTP/2 and says so. Whether `error` is that, and the
 * preface is the first that came: what follows a request is malformed, and over TLS the protocol has been agreed on.
 */
export function beginsHttp2(error: Error, socket: Duplex): socket is Socket {
  if (systemCode(error) !== 'HPE_PAUSED_H2_UPGRADE' || !(socket instanceof Socket)) return false;
  if (socket instanceof TLSSocket) return false;
  const { packet, before } = lastRead(socket, error);
  return (
    before < PREFACE.length && packet.subarray(0, PREFACE.length - before).equals(PREFACE.subarray(before))
  );
}

/**
 * Takes a connection that begins with the preface from its HTTP server, with all its bytes. The server is told that the
 * connection has closed, which is how it lets go of one, and hears no more of it.
 */
export function withdraw(socket: Socket, error: Error): void {
  const { packet, before } = lastRead(socket, error);
  for (const closed of socket.listeners('close')) closed.call(socket);
  // One by one: removing all at once leaves a readable stream believing that somebody still listens for data.
  for (const name of socket.eventNames())
    for (const listener of socket.listeners(name)) socket.off(name, listener as () => void);
  socket.pause();
  socket.unshift(Buffer.concat([PREFACE.subarray(0, before), packet]));
}

/** What the parser was given last, and how many bytes before: those of a preface that came in pieces are known. */
function lastRead(socket: Socket, error: Error): { readonly packet: Buffer; readonly before: number } {
  const packet = 'rawPacket' in error && Buffer.isBuffer(error.rawPacket) ? error.rawPacket : Buffer.alloc(0);
  return { packet, before: socket.bytesRead - packet.length };
}
