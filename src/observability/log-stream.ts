import { type DestinationStream, destination } from 'pino';
import { type Clock, systemClock, type Timer } from '../core/clock.js';

/** Lines are gathered to this size or for this long, whichever comes first: one system call for many lines. */
const BATCH_CHARACTERS = 16 * 1024;
const BATCH_MS = 100;

/** Linux, pipe(7): a write of no more than this is never mixed with that of another process. */
const PIPE_BUF = 4_096;

/** What a reader that stands still may cost in memory; beyond it, lines are dropped. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** Longest that `close` waits for a reader that stands still. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Where log lines go. Writing never blocks, waits or throws. */
export interface LogStream extends DestinationStream {
  /** Lines lost because the reader was too slow or gone. */
  readonly dropped: number;
  /** Writes out what is buffered, as far as that is possible. Idempotent. */
  close(): Promise<void>;
}

export interface LogStreamOptions {
  readonly clock?: Clock;
  /** Other processes write to the same pipe: what is written at once must be small enough to stay whole. */
  readonly shared?: boolean;
}

/**
 * Opens a buffered, asynchronous log stream on a file descriptor (1 is standard output) or a file.
 * A full disk, a closed pipe or a reader that stands still costs log lines, never the gateway.
 */
export function openLogStream(target: number | string = 1, options: LogStreamOptions = {}): LogStream {
  return new BufferedLogStream(target, options);
}

class BufferedLogStream implements LogStream {
  readonly #clock: Clock;
  readonly #out: ReturnType<typeof destination>;
  #flushTimer: Timer | undefined;
  #closed: Promise<void> | undefined;
  /** The reader has gone: nothing written from now on can arrive. */
  #broken = false;
  readonly #mostCharacters: number;
  /** Lines for the next write. */
  #batch = '';
  dropped = 0;

  constructor(target: number | string, { clock = systemClock, shared = false }: LogStreamOptions) {
    this.#clock = clock;
    this.#mostCharacters = shared ? PIPE_BUF : BATCH_CHARACTERS;
    this.#out = destination({
      dest: target,
      sync: false,
      ...(shared && { maxWrite: PIPE_BUF }),
      maxLength: MAX_BUFFERED_BYTES,
    });
    this.#out.on('drop', (batch: string) => {
      this.dropped += batch.split('\n').length - 1;
    });
    // Without a listener the error would end the process. The failed lines stay buffered and are tried
    // again with the next write, because a full disk may recover; a closed pipe cannot.
    this.#out.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'EBADF') this.#broken = true;
    });
  }

  write(line: string): void {
    if (this.#broken || this.#closed !== undefined) {
      this.dropped += 1;
      return;
    }
    if (this.#batch.length + line.length > this.#mostCharacters) this.#handOver();
    this.#batch += line;
    if (this.#batch.length >= this.#mostCharacters) this.#handOver();
    this.#flushTimer ??= this.#clock.after(BATCH_MS, () => {
      this.#flushTimer = undefined;
      this.#handOver();
    });
  }

  #handOver(): void {
    const batch = this.#batch;
    this.#batch = '';
    if (batch !== '' && !this.#broken) this.#out.write(batch);
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  #end(): Promise<void> {
    this.#flushTimer?.cancel();
    this.#handOver();
    if (this.#broken) return Promise.resolve();
    return new Promise((resolve) => {
      const giveUp = (): void => {
        if (!this.#broken) this.#out.destroy();
        resolve();
      };
      const timer = this.#clock.after(CLOSE_TIMEOUT_MS, giveUp);
      this.#out.once('close', () => {
        timer.cancel();
        resolve();
      });
      this.#out.once('error', giveUp);
      this.#out.end();
    });
  }
}
