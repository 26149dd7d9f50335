import { Counter, Gauge, Registry } from 'prom-client';
import type { ProcessMetric } from '../core/tally.js';
import { readProcessMetrics, sideBySide } from './process-metrics.js';

export interface WorkerFigures {
  /** How many take connections. */
  readonly serving: () => number;
  /** Node's own metrics, by worker. */
  readonly processes: () => ReadonlyMap<number, readonly ProcessMetric[]>;
}

/** The metrics of the processes that serve, and of the one that answers for them. */
export class WorkerMetrics {
  readonly #figures: WorkerFigures;
  readonly #registry = new Registry();
  readonly #serving: Gauge;
  readonly #deaths: Counter;
  readonly #requests: Counter<'worker'>;

  constructor(figures: WorkerFigures) {
    const registers = [this.#registry];
    this.#figures = figures;
    this.#serving = new Gauge({
      name: 'watchgate_workers',
      help: 'Processes that take requests.',
      registers,
    });
    this.#deaths = new Counter({
      name: 'watchgate_worker_deaths_total',
      help: 'Workers that ended unasked and were replaced.',
      registers,
    });
    this.#requests = new Counter({
      name: 'watchgate_worker_requests_total',
      help: 'Requests finished, by the worker that served them.',
      labelNames: ['worker'],
      registers,
    });
  }

  died(): void {
    this.#deaths.inc();
  }

  served(worker: number, requests: number): void {
    this.#requests.inc({ worker }, requests);
  }

  /** With Node's own metrics of every process, as of the last time that the workers were asked. */
  async registry(): Promise<Registry> {
    this.#serving.set(this.#figures.serving());
    const processes = [...this.#figures.processes()].map(
      ([worker, metrics]) => [String(worker), metrics] as const,
    );
    const all = sideBySide(new Map([['primary', await readProcessMetrics()], ...processes]));
    return Registry.merge([this.#registry, all]);
  }
}
