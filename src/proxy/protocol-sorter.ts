import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.js';

/** How a client of HTTP/2 begins that knows beforehand that it will be understood (RFC 9113 section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface SorterOptions {
  /** Takes a connection that began with the preface, which is still to be read from it. */
  readonly takeHttp2: (socket: Socket) => void;
  /** Longest time until the first byte, milliseconds. */
  readonly firstByteTimeout: number;
  readonly clock: Clock;
}

export interface ProtocolSorter {
  /** Hands the server a connection that is known to be HTTP/1.1. */
  takeHttp1(socket: Socket): void;
  /** Closes connections on which nothing has come yet. */
  closeUnsorted(): void;
}

/**
 * Lets one port take HTTP/1.1 and HTTP/2 without TLS: looks at how each connection begins and hands it to
 * who understands it, with all its bytes. A connection of HTTP/1.1 is the server's own from then on, so
 * that its requests cost nothing more.
 */
export function sortProtocols(server: Server, options: SorterOptions): ProtocolSorter {
  const unsorted = new Set<Socket>();
  const takers = server.listeners('connection');
  const takeHttp1 = (socket: Socket): void => {
    for (const take of takers) take.call(server, socket);
  };
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    unsorted.add(socket);
    lookAtBeginning(socket, server, options, (isHttp2) => {
      unsorted.delete(socket);
      if (isHttp2 === undefined) return;
      if (isHttp2) options.takeHttp2(socket);
      else takeHttp1(socket);
    });
  });
  return {
    takeHttp1,
    closeUnsorted() {
      for (const socket of unsorted) socket.destroy();
    },
  };
}

/** Calls `sorted` once; with undefined when the connection ended before it could be told. */
function lookAtBeginning(
  socket: Socket,
  server: Server,
  { clock, firstByteTimeout }: SorterOptions,
  sorted: (isHttp2: boolean | undefined) => void,
): void {
  let timer: Timer | undefined;
  const leave = (isHttp2: boolean | undefined): void => {
    timer?.cancel();
    socket.off('readable', look).off('error', ignored).off('close', gone);
    sorted(isHttp2);
  };
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) {
      if (socket.readableEnded || !socket.readable) socket.destroy();
      return;
    }
    socket.unshift(chunk);
    const compared = Math.min(chunk.length, PREFACE.length);
    const alike = chunk.compare(PREFACE, 0, compared, 0, compared) === 0;
    // `PRI` is reserved for this (RFC 9113 section 11.6); shorter beginnings are those of PUT and others.
    if (!alike) leave(false);
    else if (compared > 2) leave(true);
  };
  const gone = (): void => leave(undefined);
  socket.on('readable', look).on('error', ignored).once('close', gone);
  // As Node's server has it for a client that is silent from the start.
  timer = clock.after(firstByteTimeout, () => {
    leave(undefined);
    server.emit('clientError', new SilentClient('no request'), socket);
  });
}

class SilentClient extends Error {
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT';
}

function ignored(): void {}
