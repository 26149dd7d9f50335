import type { Clock, Timer } from '../core/clock.js';
import type { EndpointSet } from '../core/endpoint.js';
import type { SnapshotFile } from './snapshot-file.js';

export interface SnapshotWriterOptions {
  readonly file: SnapshotFile;
  readonly clock: Clock;
  /** When the view was last proved current, milliseconds since the epoch; undefined when it never was: what came from the file is not written back. */
  readonly confirmedAt: () => number | undefined;
}

const AT_MOST_EVERY_MS = 1_000;
/** A registry in which nothing changes must not look older on disk than it is. */
const AT_LEAST_EVERY_MS = 60_000;

/** Keeps the file up to date: soon after a change, at most once a second, one write at a time. */
export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  #services: ReadonlyMap<string, EndpointSet> | undefined;
  #writing: Promise<void> | undefined;
  /** Not on disk yet. */
  #pending = false;
  #timer: Timer | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
  }

  offer(services: ReadonlyMap<string, EndpointSet>): void {
    this.#services = services;
    this.#pending = true;
    if (this.#writing === undefined) this.#schedule();
  }

  /** Writes what has not been written yet. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    if (this.#pending) await this.#write();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const wait = this.#pending ? AT_MOST_EVERY_MS : AT_LEAST_EVERY_MS;
    const since = clock.monotonic() - this.#writtenAt;
    this.#timer = clock.after(Math.max(0, wait - since), () => {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        this.#schedule();
      });
    });
  }

  async #write(): Promise<void> {
    const confirmedAt = this.#options.confirmedAt();
    this.#writtenAt = this.#options.clock.monotonic();
    if (this.#services === undefined || confirmedAt === undefined) return;
    this.#pending = false;
    await this.#options.file.save({ services: this.#services, confirmedAt });
  }
}
