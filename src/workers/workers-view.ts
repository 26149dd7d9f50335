import type { Explanation } from '../core/explanation.js';
import type { ProcessMetric, TrafficReport } from '../core/tally.js';
import type { GatewayViews, ServiceView } from '../core/views.js';
import { mergeServices } from './merged-services.js';
import type { Workers } from './workers.js';

export interface WorkersViewOptions {
  readonly workers: Pick<Workers, 'serving'>;
  /** Takes what has happened in a worker since it last told. */
  readonly take: (worker: number, traffic: TrafficReport) => void;
}

/** What all workers together know, as of the last `refresh`. */
export class WorkersView {
  readonly #options: WorkersViewOptions;
  #services: ReadonlyMap<string, ServiceView> = new Map();
  #processes: ReadonlyMap<number, readonly ProcessMetric[]> = new Map();

  constructor(options: WorkersViewOptions) {
    this.#options = options;
  }

  /** By name; undefined when no worker serves it. */
  service(name: string): ServiceView | undefined {
    return this.#services.get(name);
  }

  /** Node's own metrics, by worker. */
  get processes(): ReadonlyMap<number, readonly ProcessMetric[]> {
    return this.#processes;
  }

  /** Asks every worker. One that does not answer is left out. Never rejects. */
  async refresh(withProcess = false): Promise<void> {
    const workers = this.#options.workers.serving();
    const services: (readonly ServiceView[])[] = [];
    const processes = new Map<number, readonly ProcessMetric[]>();
    await Promise.all(
      workers.map(async (worker) => {
        const answer = await worker.ask({ of: 'report', withProcess });
        if (answer?.of !== 'report') return;
        this.#options.take(worker.number, answer.report.traffic);
        services.push(answer.report.services);
        processes.set(worker.number, answer.report.process);
      }),
    );
    this.#services = mergeServices(services);
    if (withProcess) this.#processes = new Map([...processes].sort(([a], [b]) => a - b));
  }

  /** What one of the workers would do. Throws when none says. */
  readonly explain = async (request: Parameters<GatewayViews['explain']>[0]): Promise<Explanation> => {
    const workers = this.#options.workers.serving();
    for (const worker of workers) {
      const answer = await worker.ask({ of: 'explain', request });
      if (answer?.of !== 'explain') continue;
      const { explanation } = answer;
      const assumed = [
        ...explanation.request.assumed,
        `worker ${worker.number} of ${workers.length} gets it`,
      ];
      return { ...explanation, request: { ...explanation.request, assumed } };
    }
    throw new Error('no worker answers');
  };
}
