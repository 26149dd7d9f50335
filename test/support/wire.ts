import type { Server, Socket } from 'node:net';

/** How long a test waits for something that must happen before it fails and says what it has seen. */
export const PATIENCE_MS = 5_000;

/** The longest a Node timer can wait. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export type WireState = 'open' | 'ended' | 'reset';

/** One socket with every byte it has received, and a way to wait for more of them. */
export class Wire {
  readonly socket: Socket;
  readonly #changed = new Set<() => void>();
  #pieces: Buffer[] = [];
  #count = 0;
  #state: WireState = 'open';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#count += piece.length;
      this.#announce();
    });
    socket.on('end', () => this.#settle('ended'));
    socket.on('error', () => this.#settle('reset'));
    socket.on('close', () => this.#settle('reset'));
  }

  /** `ended` after a FIN, `reset` after anything less polite. */
  get state(): WireState {
    return this.#state;
  }

  /** Bytes received so far. */
  get count(): number {
    return this.#count;
  }

  received(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  /** Text goes out one byte a character. Resolves when the kernel has taken it, or the socket is gone. */
  write(data: string | Buffer): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    return new Promise((resolve) => {
      if (this.socket.destroyed) resolve();
      else this.socket.write(bytes, () => resolve());
    });
  }

  /** Sends FIN and goes on reading. */
  end(): void {
    this.socket.end();
  }

  /**
   * Sends RST, unless the connection is ending anyway: Node never closes a handle that is reset while its FIN
   * is on the way (libuv answers EINVAL), and then spins at exit.
   */
  reset(): void {
    if (this.socket.writableEnded || this.#state !== 'open') this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  /** Resolves to how the other side ended the connection. */
  closed(): Promise<WireState> {
    return this.until('the connection to close', () => (this.#state === 'open' ? undefined : this.#state));
  }

  /** Resolves with the first defined answer of `ready`, asked again after each event on the socket. */
  until<T>(what: string, ready: () => T | undefined, patienceMs = PATIENCE_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#changed.delete(check);
        settle();
      };
      const giveUp = (): void => {
        const seen = JSON.stringify(this.received().toString('latin1').slice(0, 600));
        const story = `waited for ${what}; ${this.#state} after ${this.#count} bytes: ${seen}`;
        finish(() => reject(new Error(story)));
      };
      const check = (): void => {
        try {
          const answer = ready();
          if (answer !== undefined) finish(() => resolve(answer));
          // Nothing can come any more.
          else if (this.#state !== 'open') giveUp();
        } catch (error) {
          finish(() => reject(error));
        }
      };
      const timer = setTimeout(giveUp, patienceMs);
      this.#changed.add(check);
      check();
    });
  }

  #settle(state: WireState): void {
    if (this.#state === 'open') this.#state = state;
    this.#announce();
  }

  #announce(): void {
    for (const check of [...this.#changed]) check();
  }
}

/** Resolves to the count once it has stood still for `quietMs`: the one way to see that nothing more happens. */
export async function standstill(count: () => number, quietMs = 250): Promise<number> {
  for (let seen = count(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    const now = count();
    if (now === seen) return now;
    seen = now;
  }
}

/** Listens on a free port and returns it. */
export async function listenOnLoopback(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
  return address.port;
}
