import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { CreatedReplyFinder } from './http2-frames.js';

/** Where a connection is to end: behind a *created* reply, or behind that many bytes from the server. */
type Ending = 'created' | number;

/**
 * The way from the gateway to one member of a registry, with every fault that a network has: refused,
 * reset, silent, slow, and cut at a chosen place.
 */
export class Link {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #mode: 'open' | 'cut' | 'swallowing' = 'open';
  #delayMs = 0;
  readonly #endings: Ending[] = [];
  /** Connections ended at a chosen place so far. */
  ended = 0;
  /** When that was last, monotonic milliseconds. */
  lastEndedAt = 0;
  /** Connections carried so far. */
  carried = 0;

  /** `target` is `http://host:port`. */
  constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.#target = { host: hostname, port: Number(port) };
    this.#server = createServer((client) => this.#accept(client));
  }

  async open(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  /** `http://127.0.0.1:port` */
  get endpoint(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  /** Resets what is open, and whatever comes. */
  cut(): void {
    this.#mode = 'cut';
    this.#reset();
  }

  /** Goes on accepting, and swallows every byte, also those of connections that stand: they are half open. */
  swallow(): void {
    this.#mode = 'swallowing';
  }

  /** Carries again. Bytes that were swallowed are lost, so connections that stood are reset. */
  mend(): void {
    if (this.#mode === 'swallowing') this.#reset();
    this.#mode = 'open';
  }

  /** Milliseconds in each direction, for every byte from now on. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Ends each of the next `times` watch streams right behind its *created* reply. */
  endAfterCreated(times: number): void {
    this.#endings.push(...Array.from({ length: times }, () => 'created' as const));
  }

  /** Ends the next connection that carries more than so many bytes from the server, there. */
  endAfterBytes(bytes: number): void {
    this.#endings.push(bytes);
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #accept(client: Socket): void {
    if (this.#mode === 'cut') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    this.carried += 1;
    const far = connect(this.#target);
    this.#tie(client, far);
    this.#tie(far, client);
    client.on('data', (piece: Buffer) => this.#pass(piece, far));
    const endOf = this.#endFinder();
    far.on('data', (piece: Buffer) => {
      if (this.#mode === 'swallowing') return;
      const end = endOf(piece);
      this.#pass(piece.subarray(0, end), client);
      if (end === undefined) return;
      this.ended += 1;
      this.lastEndedAt = performance.now();
      // Politely, so that all that was carried arrives.
      client.end();
      far.resetAndDestroy();
    });
  }

  #tie(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!other.writableEnded) other.destroy();
    });
  }

  /** Follows one connection; says where in a piece it has to end, if it does. */
  #endFinder(): (piece: Buffer) => number | undefined {
    const finder = new CreatedReplyFinder();
    let seen = 0;
    return (piece) => {
      const created = finder.feed(piece);
      const [ending] = this.#endings;
      const before = seen;
      seen += piece.length;
      const end = typeof ending === 'number' ? (seen > ending ? ending - before : undefined) : created;
      if (ending === undefined || end === undefined) return undefined;
      this.#endings.shift();
      return Math.max(0, end);
    };
  }

  #pass(piece: Buffer, to: Socket): void {
    if (this.#mode === 'swallowing' || to.destroyed) return;
    if (this.#delayMs === 0) {
      to.write(piece);
      return;
    }
    setTimeout(() => {
      if (!to.destroyed && this.#mode === 'open') to.write(piece);
    }, this.#delayMs);
  }
}
