import cluster, { type Worker } from 'node:cluster';
import type { Clock } from '../core/clock.js';
import type { Answer, Question, ToPrimary, ToWorker } from './messages.js';
import { rescueConnections } from './rescue.js';

/** A busy worker answers late; one that does not answer at all must not keep an operator waiting. */
const ANSWER_WITHIN_MS = 2_000;
/** Questions that a worker leaves open before it is asked no more. */
const MOST_OPEN = 16;

/** How a worker ended: by an exit code or by a signal. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One worker as the primary sees it, from birth to end. */
export class WorkerProcess {
  /** From 1. */
  readonly number: number;
  /** Monotonic milliseconds. */
  readonly bornAt: number;
  readonly ended: Promise<WorkerEnd>;
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #open = new Map<number, (answer: Answer | undefined) => void>();
  #asked = 0;

  /** Forks it, as `cluster.setupPrimary` has said. */
  constructor(number: number, clock: Clock, heard: (message: ToPrimary) => void) {
    this.number = number;
    this.bornAt = clock.monotonic();
    this.#clock = clock;
    this.#worker = cluster.fork();
    rescueConnections(this.#worker);
    this.#worker.on('message', (message: ToPrimary) => {
      if (message.kind === 'answer') this.#open.get(message.id)?.(message.answer);
      else heard(message);
    });
    // Its end says all that matters about what could not be sent to it.
    this.#worker.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code: number | null, signal: string | null) => {
        for (const settle of [...this.#open.values()]) settle(undefined);
        resolve({ code, signal });
      });
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  tell(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, () => {});
  }

  /** Resolves to undefined when the worker does not answer in time, or not any more. */
  ask(question: Question): Promise<Answer | undefined> {
    if (!this.#worker.isConnected() || this.#open.size >= MOST_OPEN) return Promise.resolve(undefined);
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        timer.cancel();
        resolve(answer);
      };
      const timer = this.#clock.after(ANSWER_WITHIN_MS, () => settle(undefined));
      // An answer that comes too late closes the question all the same.
      this.#open.set(id, (answer) => {
        this.#open.delete(id);
        settle(answer);
      });
      this.tell({ kind: 'ask', id, question });
    });
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }
}
