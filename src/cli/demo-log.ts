import { type Clock, systemClock } from '../core/clock.js';

/** Beyond this, lines of a reader that stands still are dropped, so that the demo never waits for it. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const WINDOW_MS = 1_000;

/**
 * Everything the demo says, on standard output, each line whole. Log lines of requests are limited to so
 * many a second, so that on a terminal the rest can still be read.
 */
export class DemoLog {
  readonly #out: NodeJS.WriteStream;
  readonly #perSecond: number;
  readonly #clock: Clock;
  #windowEnd = 0;
  #shown = 0;
  #hidden = 0;
  dropped = 0;

  constructor(out: NodeJS.WriteStream, requestLinesPerSecond: number, clock: Clock = systemClock) {
    this.#out = out;
    this.#perSecond = requestLinesPerSecond;
    this.#clock = clock;
    // The reader may go at any time; the demo goes on.
    out.on('error', () => {});
  }

  /** A line of the demo itself. */
  say(line: string): void {
    this.#write(`${line}\n`);
  }

  /** A log line of the gateway or of a goods service, with its line break. */
  write(line: string): void {
    if (!line.includes('"trace_id"') || this.#mayShow()) this.#write(line);
  }

  /** Resolves when everything is written, or `false` when the reader does not take it. */
  async flush(patienceMs: number): Promise<boolean> {
    if (this.#out.writableLength === 0) return true;
    return new Promise((resolve) => {
      const timer = this.#clock.after(patienceMs, () => resolve(false));
      this.#out.write('', () => {
        timer.cancel();
        resolve(true);
      });
    });
  }

  async close(): Promise<void> {}

  #mayShow(): boolean {
    const now = this.#clock.monotonic();
    if (now >= this.#windowEnd) this.#openWindow(now);
    if (this.#shown < this.#perSecond) {
      this.#shown += 1;
      return true;
    }
    this.#hidden += 1;
    return false;
  }

  #openWindow(now: number): void {
    if (this.#hidden > 0) this.say(`… and ${this.#hidden} more lines of requests`);
    this.#windowEnd = now + WINDOW_MS;
    this.#shown = 0;
    this.#hidden = 0;
  }

  #write(text: string): void {
    if (this.#out.writableLength > MAX_BUFFERED_BYTES) this.dropped += 1;
    else this.#out.write(text);
  }
}
