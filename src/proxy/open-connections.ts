import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Cause } from '../core/causes.js';
import type { Turn } from '../core/turn.js';
import { type ClientSocket, UNDER_WAY } from './client-side.js';

/**
 * Connections that may wait to be accepted, within the kernel's own bound (net.core.somaxconn). Node accepts one in each
 * turn of its loop, and an ingress that comes back brings all of its connections at once: the kernel drops what there is no
 * room for, and the client tries again after a second. nginx and Node have 511 by default.
 */
export const BACKLOG = 4096;

type Connection = Socket & ClientSocket;

/** The connections of an HTTP server, those included that have gone on to another protocol. */
export class OpenConnections {
  readonly #turn: Turn;
  /** Whether a request has come on it. */
  readonly #used = new Map<Connection, boolean>();
  #onEmpty: (() => void) | undefined;

  constructor(server: Server, turn: Turn) {
    this.#turn = turn;
    const forget = (socket: Socket): void => this.#forget(socket);
    // One function for all of them, which is told by whom it is called.
    function closed(this: Socket): void {
      forget(this);
    }
    server.on('connection', (socket: Socket) => {
      // The server meets one again that has asked for an upgrade in vain.
      if (this.#used.has(socket)) return;
      this.#used.set(socket, false);
      turn.connected();
      socket.on('close', closed);
    });
    server.prependListener('request', ({ socket }) => this.#use(socket));
    server.prependListener('upgrade', ({ socket }) => this.#use(socket));
  }

  /** Closes those on which nothing has come at all, which to Node are as good as busy with a request. */
  closeSilent(): void {
    for (const [socket, used] of this.#used) if (!used && socket.bytesRead === 0) socket.destroy();
  }

  /** Fails every request under way, with an answer where that is still possible. */
  failRequests(cause: Cause): void {
    for (const socket of this.#used.keys()) socket[UNDER_WAY]?.clientFailed(cause);
  }

  destroy(): void {
    for (const socket of this.#used.keys()) socket.destroy();
  }

  /** Resolves when none is open, and what was under way on them has heard of it. A server's own `close` comes before. */
  async closed(): Promise<void> {
    if (this.#used.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  #use(socket: Connection): void {
    if (this.#used.get(socket) !== false) return;
    this.#used.set(socket, true);
    this.#turn.ended();
  }

  #forget(socket: Connection): void {
    this.#use(socket);
    this.#used.delete(socket);
    if (this.#used.size === 0) this.#onEmpty?.();
  }
}
