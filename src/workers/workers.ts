import cluster from 'node:cluster';
import { Backoff } from '../core/backoff.js';
import { type Clock, delay, type Timer } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import type { Answer, Listening, Question, ToPrimary, ToWorker, WorkerStart } from './messages.js';
import { type WorkerEnd, WorkerProcess } from './worker-process.js';

/** Waits before a worker that keeps dying is replaced again. */
const AGAIN = { minMs: 100, firstMs: 200, maxMs: 10_000 };
/** One that lived this long died of something else than its start, and is replaced at once. */
const STEADY_MS = 10_000;
/** For a worker that is told to stop, to break off its connections and write out its log. */
const STOP_WITHIN_MS = 2_000;

/** What workers say besides how they stand. */
export type News = Exclude<
  ToPrimary,
  { kind: 'hello' } | { kind: 'listening' } | { kind: 'failed' } | { kind: 'listed' } | { kind: 'answer' }
>;

export interface WorkerDeath extends WorkerEnd {
  readonly worker: number;
  readonly pid: number | undefined;
  /** Why, when it could say so. */
  readonly reason: string | undefined;
  /** Milliseconds until another takes its place. */
  readonly againInMs: number;
}

export interface WorkersOptions {
  readonly count: number;
  /** Path of the program that a worker runs. */
  readonly program: string;
  readonly startOf: (worker: number) => WorkerStart;
  readonly heard: (worker: number, news: News) => void;
  readonly died: (death: WorkerDeath) => void;
  readonly clock: Clock;
  readonly random: Random;
}

interface Place {
  readonly process: WorkerProcess;
  /** `started` knows what to serve, `listening` takes connections, `listed` knows all endpoints too. */
  standing: 'born' | 'started' | 'listening' | 'listed';
  failure: WatchgateError | undefined;
}

/** The processes that serve. One that dies is replaced, ever later when that does not help. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #places = new Map<number, Place>();
  readonly #backoffs = new Map<number, Backoff>();
  readonly #replacements = new Set<Timer>();
  #started: { resolve(at: Listening): void; reject(error: WatchgateError): void } | undefined;
  #leaving = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  /** Resolves once all listen. Rejects with what kept one from it; `stop` is then still to be called. */
  start(): Promise<Listening> {
    const { count, program } = this.#options;
    // The operating system would give most of a few connections to one worker.
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ exec: program, args: [], serialization: 'advanced' });
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      for (let worker = 1; worker <= count; worker += 1) this.#fork(worker);
    });
  }

  /** Those that take connections, in order. */
  serving(): readonly WorkerProcess[] {
    return this.#inOrder(({ standing }) => standing === 'listening' || standing === 'listed');
  }

  /** Why not all that take connections could serve them. */
  hindrances(): string[] {
    if (this.serving().length === 0) return ['no worker is serving'];
    const unlisted = [...this.#places.values()].some(({ standing }) => standing === 'listening');
    return unlisted ? ['a worker has not been told of all registries yet'] : [];
  }

  /** Tells all that have been told what to start with. */
  tell(message: ToWorker): void {
    for (const worker of this.#told()) worker.tell(message);
  }

  /** The answers of all that have been told what to start with, in order; undefined for one that gives none. */
  ask(question: Question): Promise<(Answer | undefined)[]> {
    return Promise.all(this.#told().map((worker) => worker.ask(question)));
  }

  /** Resolves when all have ended by themselves, or after `patienceMs` by force. */
  async drain(patienceMs: number): Promise<void> {
    await this.#leave({ kind: 'drain' }, patienceMs);
  }

  /** Ends all at once. Idempotent. */
  async stop(): Promise<void> {
    await this.#leave({ kind: 'stop' }, STOP_WITHIN_MS);
  }

  #told(): readonly WorkerProcess[] {
    return this.#inOrder(({ standing }) => standing !== 'born');
  }

  #inOrder(wanted: (place: Place) => boolean): readonly WorkerProcess[] {
    const places = [...this.#places.values()].filter(wanted);
    return places.map(({ process }) => process).sort((a, b) => a.number - b.number);
  }

  #fork(worker: number): void {
    const { clock } = this.#options;
    const process = new WorkerProcess(worker, clock, (message) => this.#heard(place, message));
    const place: Place = { process, standing: 'born', failure: undefined };
    this.#places.set(worker, place);
    void process.ended.then((end) => this.#ended(place, end));
  }

  #heard(place: Place, message: ToPrimary): void {
    const { number } = place.process;
    switch (message.kind) {
      case 'hello':
        place.standing = 'started';
        return place.process.tell({ kind: 'start', start: this.#options.startOf(number) });
      case 'listening':
        place.standing = 'listening';
        return this.#listening(message.at);
      case 'listed':
        place.standing = 'listed';
        return;
      case 'failed':
        place.failure = new WatchgateError(message.code, message.message);
        return;
      case 'answer':
        return;
      default:
        this.#options.heard(number, message);
    }
  }

  #listening(at: Listening): void {
    if (this.serving().length < this.#options.count) return;
    this.#started?.resolve(at);
    this.#started = undefined;
  }

  #ended(place: Place, end: WorkerEnd): void {
    const { number: worker, pid, bornAt } = place.process;
    this.#places.delete(worker);
    if (this.#leaving) return;
    if (this.#started !== undefined) {
      const how = end.signal ?? `exit code ${end.code}`;
      this.#started.reject(
        place.failure ?? new WatchgateError('WORKER_FAILED', `worker ${worker} ended as it started: ${how}`),
      );
      return;
    }
    const { clock, died } = this.#options;
    const againInMs = this.#waitFor(worker, clock.monotonic() - bornAt);
    died({ ...end, worker, pid, reason: place.failure?.message, againInMs });
    const timer = clock.after(againInMs, () => {
      this.#replacements.delete(timer);
      this.#fork(worker);
    });
    this.#replacements.add(timer);
  }

  #waitFor(worker: number, livedMs: number): number {
    const backoff = this.#backoffs.get(worker) ?? new Backoff(AGAIN, this.#options.random);
    this.#backoffs.set(worker, backoff);
    if (livedMs < STEADY_MS) return backoff.next();
    backoff.reset();
    return 0;
  }

  async #leave(order: ToWorker, patienceMs: number): Promise<void> {
    this.#leaving = true;
    for (const timer of this.#replacements) timer.cancel();
    const processes = [...this.#places.values()].map(({ process }) => process);
    for (const process of processes) process.tell(order);
    const over = new AbortController();
    const ended = Promise.all(processes.map((process) => process.ended)).then(() => over.abort());
    await delay(this.#options.clock, patienceMs, over.signal);
    if (!over.signal.aborted) for (const process of processes) process.kill();
    await ended;
  }
}
