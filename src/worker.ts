import { resolveSettings } from './config/settings.js';
import { systemClock } from './core/clock.js';
import { messageOf, WatchgateError } from './core/errors.js';
import { EventHub } from './core/events.js';
import { type Entrance, type GatewayCore, openCore, openEntrance } from './gateway-core.js';
import { openLogStream } from './observability/log-stream.js';
import { readProcessMetrics } from './observability/process-metrics.js';
import { openTrafficObservers, type TrafficObservers } from './observability/traffic-observers.js';
import type { Answer, Question, ToPrimary, ToWorker, WorkerReport, WorkerStart } from './workers/messages.js';
import { RelayedSource } from './workers/relayed-source.js';

/** What has been counted is told this often: it is all that is lost of it when a worker dies. */
const TELL_EVERY_MS = 1_000;

interface Running {
  readonly core: GatewayCore<TrafficObservers>;
  readonly entrance: Entrance;
}

/** One process that serves: a data path and a listener, fed by the primary. */
class Worker {
  readonly #tell: (message: ToPrimary) => Promise<void>;
  #sources: ReadonlyMap<string, RelayedSource> = new Map();
  #running: Promise<Running> | undefined;
  #answered: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(tell: (message: ToPrimary) => Promise<void>) {
    this.#tell = tell;
  }

  take(message: ToWorker): void {
    switch (message.kind) {
      case 'start':
        void this.#start(message.start);
        return;
      case 'change':
        return this.#sources.get(message.change.source)?.take(message.change);
      case 'ask':
        this.#answered = this.#answered.then(() => this.#reply(message.id, message.question));
        return;
      case 'drain':
        void this.#end((entrance) => entrance.drain());
        return;
      case 'stop':
        void this.#end((entrance) => entrance.close());
    }
  }

  async #start(start: WorkerStart): Promise<void> {
    this.#running = this.#open(start);
    try {
      const { core, entrance } = await this.#running;
      const { address, tlsAddress } = entrance;
      await this.#tell({ kind: 'listening', at: { address, tlsAddress } });
      this.#tellTraffic(core.observers);
      await core.ready();
      await this.#tell({ kind: 'listed' });
    } catch (error) {
      const code = error instanceof WatchgateError ? error.code : 'WORKER_FAILED';
      await this.#tell({ kind: 'failed', code, message: messageOf(error) });
      process.exit(1);
    }
  }

  async #open({ worker, document, newest, sources, drained }: WorkerStart): Promise<Running> {
    const settings = resolveSettings(document);
    const relayed = sources.map(
      (state) =>
        new RelayedSource(
          state,
          (service, address) => void this.#tell({ kind: 'dead', source: state.source, service, address }),
        ),
    );
    this.#sources = new Map(relayed.map((source) => [source.name, source]));
    const hub = new EventHub();
    hub.on('health', (change) => void this.#tell({ kind: 'health', change: { ...change, worker } }));
    hub.on('certificate', (event) => void this.#tell({ kind: 'certificate', event }));
    const logStream = openLogStream(1, { shared: true });
    const core = await openCore(
      { settings, hub, logStream },
      {
        openRegistries: async () => ({ sources: relayed, want: () => {}, close: async () => {} }),
        observe: openTrafficObservers,
      },
    );
    core.replace(resolveSettings(newest));
    for (const { service, address } of drained) core.dataPath.service(service)?.setDrained(address, true);
    return { core, entrance: await openEntrance(core.dataPath, settings, systemClock) };
  }

  /** Now and again, what has been counted since the last time; nothing while there is no traffic. */
  #tellTraffic(observers: TrafficObservers): void {
    systemClock.after(TELL_EVERY_MS, () => {
      const traffic = observers.take();
      if (traffic.tally.traffic.length > 0 || traffic.tally.attempts.length > 0)
        void this.#tell({ kind: 'traffic', traffic });
      this.#tellTraffic(observers);
    });
  }

  async #reply(id: number, question: Question): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    if (running === undefined) return;
    await this.#tell({ kind: 'answer', id, answer: await this.#answer(running.core, question) });
  }

  async #answer(core: Running['core'], question: Question): Promise<Answer> {
    switch (question.of) {
      case 'report':
        return { of: 'report', report: await this.#report(core, question.withProcess) };
      case 'settings':
        core.replace(resolveSettings(question.document));
        return { of: 'settings' };
      case 'drained': {
        const { service, address, drained } = question;
        const known = core.dataPath.service(service)?.setDrained(address, drained) ?? false;
        return { of: 'drained', known };
      }
      case 'explain':
        return { of: 'explain', explanation: await core.views.explain(question.request) };
    }
  }

  async #report({ views, observers }: Running['core'], withProcess: boolean): Promise<WorkerReport> {
    const metrics = withProcess ? await readProcessMetrics() : [];
    const services = views.services().filter(({ routes }) => routes.length > 0);
    return { services, traffic: observers.take(), process: metrics };
  }

  /** Without the channel to the primary the process ends. */
  async #end(leave: (entrance: Entrance) => Promise<void>): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    if (running !== undefined) {
      await leave(running.entrance);
      this.#closed ??= this.#close(running.core);
      await this.#closed;
    }
    if (process.connected) process.disconnect();
  }

  async #close(core: Running['core']): Promise<void> {
    await core.close();
    await this.#tell({ kind: 'traffic', traffic: core.observers.take() });
  }
}

/** Never rejects: when the primary has gone there is nobody to tell, and this process ends too. */
function tellPrimary(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

const worker = new Worker(tellPrimary);
process.on('message', (message: ToWorker) => worker.take(message));
// A terminal, and systemd, signal the whole group. The primary decides what that means.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
await tellPrimary({ kind: 'hello' });
