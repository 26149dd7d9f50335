import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** `_httpMessage` is where Node's HTTP server keeps the response whose turn it is on a connection. */
function answering(socket: Socket): ServerResponse | undefined {
  const response = '_httpMessage' in socket ? socket._httpMessage : undefined;
  return response instanceof ServerResponse ? response : undefined;
}

/**
 * Calls `next` when every request that came before on this connection has been answered, because responses leave in the
 * order of their requests (RFC 9112 section 9.3.2). Never calls it when the last of them closes the connection.
 */
export function whenAnswered(socket: Socket, next: () => void): void {
  if (!socket.writable) return;
  const response = answering(socket);
  if (response === undefined) next();
  // By then Node has given the connection to the response behind it.
  else response.once('close', () => whenAnswered(socket, next));
}

/**
 * The same for a connection that Node has handed over, which it does as soon as it has read an upgrade, with earlier responses
 * still on their way: what Node does for these is done here from then on, until `giveBack`.
 */
export function whenItsTurn(socket: Socket, next: () => void): void {
  socket.on('error', destroy).on('readable', noticeEnd).on('end', destroySoon).on('drain', passOn);
  whenAnswered(socket, () => {
    // Node has set it for the time between two requests, if the last response was complete by now.
    socket.setTimeout(0);
    try {
      next();
    } catch (error) {
      // What has been overlooked costs the client its connection, and not everyone the process.
      socket.destroy();
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  });
}

/** Leaves a connection to whoever reads it next. */
export function giveBack(socket: Socket): void {
  socket.off('error', destroy).off('readable', noticeEnd).off('end', destroySoon).off('drain', passOn);
}

function destroy(this: Socket): void {
  this.destroy();
}

function destroySoon(this: Socket): void {
  this.destroySoon();
}

/**
 * Nobody reads the connection while endpoints think, so nobody would see the client leave. A `readable` listener keeps
 * what the client sends early in the socket.
 */
function noticeEnd(this: Socket): void {
  if (this.readableLength === 0) this.read();
}

/** The response whose turn it is may wait for the connection to take more. */
function passOn(this: Socket): void {
  answering(this)?.emit('drain');
}
