import type { Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Turn } from '../core/turn.js';

/**
 * Connections that may wait to be accepted, within the kernel's own bound (net.core.somaxconn). Node accepts one in each
 * turn of its loop, and an ingress that comes back brings all of its connections at once: the kernel drops what there is no
 * room for, and the client tries again after a second. nginx and Node have 511 by default.
 */
export const BACKLOG = 4096;

/** The connections of an HTTP server on which no request has come yet. */
export class NewConnections {
  readonly #turn: Turn;
  readonly #sockets = new Set<Duplex>();

  constructor(server: Server, turn: Turn) {
    this.#turn = turn;
    const forget = (socket: Duplex): void => this.#forget(socket);
    // One function for all of them, which is told by whom it is called.
    function closed(this: Socket): void {
      forget(this);
    }
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      turn.connected();
      socket.on('close', closed);
    });
    server.prependListener('request', ({ socket }) => forget(socket));
    server.prependListener('upgrade', (_request, socket) => forget(socket));
  }

  /** Closes those on which nothing has come at all, which to Node are as good as busy with a request. */
  closeSilent(): void {
    for (const socket of this.#sockets)
      if (socket instanceof Socket && socket.bytesRead === 0) socket.destroy();
  }

  #forget(socket: Duplex): void {
    if (this.#sockets.delete(socket)) this.#turn.ended();
  }
}
