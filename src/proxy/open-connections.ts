import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Cause } from '../core/causes.js';
import { type ClientSocket, UNDER_WAY } from './client-side.js';

/** The connections of an HTTP server, those included that have gone on to another protocol. */
export class OpenConnections {
  readonly #sockets = new Set<Socket & ClientSocket>();
  #onEmpty: (() => void) | undefined;

  constructor(server: Server) {
    const forget = (socket: Socket): void => this.#forget(socket);
    // One function for all of them, which is told by whom it is called.
    function closed(this: Socket): void {
      forget(this);
    }
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', closed);
    });
  }

  /** Fails every request under way, with an answer where that is still possible. */
  failRequests(cause: Cause): void {
    for (const socket of this.#sockets) socket[UNDER_WAY]?.clientFailed(cause);
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves when none is open, and what was under way on them has heard of it. A server's own `close` comes before. */
  async closed(): Promise<void> {
    if (this.#sockets.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  #forget(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size === 0) this.#onEmpty?.();
  }
}
