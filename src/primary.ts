import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAdmin } from './admin/server.js';
import { gatewayActions } from './composition/actions.js';
import { followRegistered } from './composition/auto-routes.js';
import { fixedAtStart } from './composition/fixed-settings.js';
import { openRegistries } from './composition/registries.js';
import { routingSettings } from './composition/routing.js';
import { RoutingRecord } from './composition/routing-record.js';
import { DRAINING, gatewayViews } from './composition/views.js';
import { ConfigKeeper } from './config/keeper.js';
import type { Settings } from './config/settings.js';
import { systemClock } from './core/clock.js';
import { EventHub } from './core/events.js';
import { systemRandom } from './core/random.js';
import { requestsIn, type TrafficReport } from './core/tally.js';
import type { GatewayActions, GatewayViews } from './core/views.js';
import { Directory } from './discovery/directory.js';
import type { Gateway } from './gateway.js';
import type { GatewayOptions } from './gateway-core.js';
import { openLogStream } from './observability/log-stream.js';
import { createLogger } from './observability/logger.js';
import { type Observers, openObservers } from './observability/observers.js';
import { WorkerMetrics } from './observability/worker-metrics.js';
import { DrainedEndpoints } from './workers/drained-endpoints.js';
import { EndpointFeed } from './workers/endpoint-feed.js';
import { newsReader } from './workers/news-reader.js';
import { Workers } from './workers/workers.js';
import { WorkersView } from './workers/workers-view.js';

/** `worker.js` of a build, or `worker.ts` of the sources. */
const WORKER = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));
/** Beyond the time that draining may take at most. */
const DRAIN_PATIENCE_MS = 5_000;

/** Everything but the admin port and the workers' own part. */
interface PrimaryCore {
  readonly workers: Workers;
  readonly workersView: WorkersView;
  readonly views: GatewayViews;
  readonly actions: GatewayActions;
  readonly observers: Observers;
  ready(): Promise<void>;
  /** From now on not ready. */
  startDraining(): void;
  close(): Promise<void>;
}

/**
 * The gateway in several processes: this one watches the registries, follows the configuration and
 * answers on the admin port; `count` others serve the clients. Throws a WatchgateError in one line for
 * what keeps it from starting.
 */
export async function startPrimary(options: GatewayOptions, count: number): Promise<Gateway> {
  const { settings, clock = systemClock } = options;
  const core = await openPrimary(options, count);
  const { workers, workersView, views, actions, observers } = core;
  const closers: (() => Promise<void>)[] = [() => core.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const admin = await startAdmin({
      listen: settings.admin,
      token: settings.adminToken,
      views,
      actions,
      refresh: () => workersView.refresh(),
      journal: observers.journal,
      recorder: observers.recorder,
      async metricsText() {
        await workersView.refresh(true);
        return observers.metrics.text();
      },
      clock,
    });
    closers.push(
      () => admin.close(),
      () => workers.stop(),
    );
    const at = await workers.start();
    return {
      ...at,
      adminAddress: admin.address,
      views,
      ready: core.ready,
      reload: () => actions.reload(),
      async drain() {
        core.startDraining();
        await workers.drain(settings.drainDelay + settings.drainTimeout + DRAIN_PATIENCE_MS);
      },
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function openPrimary(options: GatewayOptions, count: number): Promise<PrimaryCore> {
  const { settings, hub = new EventHub(), clock = systemClock, random = systemRandom } = options;
  const { announce } = hub;
  const logStream = options.logStream ?? openLogStream(1, { shared: true });
  const logger = createLogger({ level: settings.logLevel, destination: logStream });
  // The guard and the workers read settings that the keeper, made later, keeps up to date.
  let newest = (): Settings => settings;
  const registries = await openRegistries({
    settings: () => newest(),
    sources: options.sources,
    clock,
    random,
    announce,
    warn: (fields, text) => logger.warn(fields, text),
  });
  const directory = new Directory(registries.sources, { announce, clock });
  const drained = new DrainedEndpoints(hub);
  const take = (worker: number, { tally, kept }: TrafficReport): void => {
    observers.metrics.add(tally);
    workerMetrics.served(worker, requestsIn(tally));
    for (const record of kept) announce('request', record);
  };
  const workers = new Workers({
    count,
    program: WORKER,
    startOf: (worker) => ({
      worker,
      document: settings.document,
      newest: newest().document,
      sources: feed.states(),
      drained: drained.all(),
    }),
    heard: newsReader({ announce, take, reportDead: (ref, address) => directory.reportDead(ref, address) }),
    died({ code, againInMs, ...death }) {
      workerMetrics.died();
      const line = { ...death, exit_code: code, again_in_ms: Math.round(againInMs) };
      logger.error(line, 'worker died, another takes its place');
    },
    clock,
    random,
  });
  const feed = new EndpointFeed(registries.sources, (change) => workers.tell({ kind: 'change', change }));
  const workersView = new WorkersView({ workers, take });
  const workerMetrics = new WorkerMetrics({
    serving: () => workers.serving().length,
    processes: () => workersView.processes,
  });
  const routing = new RoutingRecord(clock, routingSettings(settings, []));
  let taken: Promise<unknown> = Promise.resolve();
  const keeper = new ConfigKeeper({
    initial: settings,
    origin: options.origin,
    environment: options.environment ?? process.env,
    announce,
    clock,
    apply(newer) {
      registries.want(newer);
      routing.replace(routingSettings(newer, directory.services()));
      taken = workers.ask({ of: 'settings', document: newer.document });
      return fixedAtStart(settings, newer);
    },
  });
  newest = () => keeper.settings;
  const stopAutoRoutes = followRegistered(directory, routing, newest);
  let leaving = false;
  const views = gatewayViews({
    directory,
    keeper,
    rules: () => routing.rules,
    history: routing.history,
    live: (name) => workersView.service(name),
    hindrances: () => (leaving ? [DRAINING] : workers.hindrances()),
    explain: workersView.explain,
  });
  const observers = await openObservers(settings, {
    hub,
    views,
    logger,
    stream: logStream,
    clock,
    metrics: { ownTraffic: false, processes: () => workerMetrics.registry() },
  });
  directory.start();
  await keeper.start();

  return {
    workers,
    workersView,
    views,
    observers,
    actions: gatewayActions({
      async setDrained(service, address, drain) {
        const answers = await workers.ask({ of: 'drained', service, address, drained: drain });
        if (!answers.some((answer) => answer?.of === 'drained' && answer.known)) return false;
        drained.set({ service, address }, drain);
        await workersView.refresh();
        return true;
      },
      views,
      directory,
      announce,
      clock,
      async reload() {
        const errors = await keeper.reload();
        await taken;
        return errors;
      },
    }),
    ready: () => directory.ready(),
    startDraining() {
      leaving = true;
    },
    async close() {
      keeper.close();
      stopAutoRoutes();
      feed.close();
      drained.close();
      await directory.close();
      await registries.close();
      await observers.close();
      await logStream.close();
    },
  };
}
