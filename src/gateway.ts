import type { FastifyInstance } from 'fastify';
import { startAdmin } from './admin/server.js';
import { gatewayActions } from './composition/actions.js';
import { followRegistered } from './composition/auto-routes.js';
import { drain, stopAtOnce } from './composition/drain.js';
import { fixedAtStart } from './composition/fixed-settings.js';
import { guardSources } from './composition/guarded.js';
import { routingSettings } from './composition/routing.js';
import { type OpenSources, openSources } from './composition/sources.js';
import { gatewayViews } from './composition/views.js';
import type { Environment } from './config/environment.js';
import { ConfigKeeper } from './config/keeper.js';
import type { ConfigOrigin } from './config/origin.js';
import type { Settings } from './config/settings.js';
import { type Clock, systemClock } from './core/clock.js';
import { EventHub } from './core/events.js';
import { type Random, systemRandom } from './core/random.js';
import type { RecorderView } from './core/recorded.js';
import { refOfServiceName } from './core/route.js';
import type { GatewayActions, GatewayViews, JournalView } from './core/views.js';
import { createAddressPolicy } from './discovery/address-policy.js';
import { Directory } from './discovery/directory.js';
import type { Source } from './discovery/source.js';
import { type LogStream, openLogStream } from './observability/log-stream.js';
import { createLogger } from './observability/logger.js';
import type { Metrics } from './observability/metrics.js';
import { openObservers } from './observability/observers.js';
import { DataPath } from './proxy/data-path.js';
import { mountGateway, openFrontDoor } from './proxy/front-door.js';
import { shareUpgrades } from './proxy/upgrade.js';

export interface GatewayOptions {
  readonly settings: Settings;
  /** What the settings were read from; followed for changes. */
  readonly origin?: ConfigOrigin | undefined;
  readonly environment?: Environment;
  /** In place of the registries that the settings name. */
  readonly sources?: readonly Source[];
  readonly hub?: EventHub;
  /** Where log lines go; standard output when absent. Closed with the gateway. */
  readonly logStream?: LogStream;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The gateway without listeners: registries watched, routes compiled, requests served where it is mounted. */
export interface GatewayCore {
  readonly views: GatewayViews;
  readonly actions: GatewayActions;
  readonly journal: JournalView;
  readonly recorder: RecorderView;
  readonly metrics: Metrics;
  readonly dataPath: DataPath;
  /** Serves everything under the instance's prefix. */
  mount(app: FastifyInstance): void;
  /** Resolves once every registry has had its first complete list. */
  ready(): Promise<void>;
  /** Stops at once: requests under way are broken off. Idempotent. */
  close(): Promise<void>;
}

/** A gateway with its two listeners. */
export interface Gateway {
  /** `host:port` where clients come in. */
  readonly address: string;
  /** `http://host:port` of the admin port. */
  readonly adminAddress: string;
  readonly views: GatewayViews;
  ready(): Promise<void>;
  /** Loads the configuration again; resolves to its errors. */
  reload(): Promise<readonly string[]>;
  /**
   * Leaves without losing a request: not ready at once, still serving for `drainDelay`, then no new
   * connections, and at most `drainTimeout` for what is in flight.
   */
  drain(): Promise<void>;
  /** Stops at once. Idempotent. */
  close(): Promise<void>;
}

/** Watches the registries and compiles the routes. Does not wait for either to be complete. */
export async function openGateway(options: GatewayOptions): Promise<GatewayCore> {
  const { settings, hub = new EventHub(), clock = systemClock, random = systemRandom } = options;
  const { announce } = hub;
  const logStream = options.logStream ?? openLogStream();
  const logger = createLogger({ level: settings.logLevel, destination: logStream });
  const allowed = createAddressPolicy(settings.allowedAddresses);
  const opened = await openRegistries(options, {
    allowed,
    clock,
    random,
    announce,
    onHosting: (endpoint) =>
      logger.warn(
        { endpoint },
        'hosting the embedded registry: in memory, for one machine; for a cluster set registry: { type: etcd, endpoints: […] }',
      ),
  });
  opened.want(settings);
  // The guard reads settings of services, which the keeper, made later, keeps up to date.
  let newest = (): Settings => settings;
  const sources =
    options.sources ?? guardSources(opened.sources, { settings: () => newest(), allowed, clock, announce });
  const directory = new Directory(sources, { announce, clock });
  const dataPath = new DataPath(
    {
      clock,
      random,
      announce,
      allows: (ip) => allowed.allows(ip),
      maxHeaderSize: settings.server.maxHeaderSize,
      maxLoopLag: settings.server.maxEventLoopLag || Number.POSITIVE_INFINITY,
      watchService: (ref, listener) => directory.subscribe(ref, listener),
    },
    routingSettings(settings, []),
  );
  const keeper = new ConfigKeeper({
    initial: settings,
    origin: options.origin,
    environment: options.environment ?? process.env,
    announce,
    clock,
    apply: (newer) => {
      opened.want(newer);
      dataPath.replace(routingSettings(newer, directory.services()));
      return fixedAtStart(settings, newer);
    },
  });
  newest = () => keeper.settings;
  const stopAutoRoutes = followRegistered(directory, dataPath, newest);
  const views = gatewayViews(directory, dataPath, keeper);
  const observers = await openObservers(settings, { hub, views, logger, stream: logStream, clock });
  const stopReports = reportDeaths(hub, directory);
  directory.start();
  await keeper.start();

  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    keeper.close();
    stopAutoRoutes();
    stopReports();
    dataPath.close();
    await directory.close();
    await opened.close();
    await observers.close();
    await logStream.close();
  };
  return {
    views,
    actions: gatewayActions({ dataPath, views, announce, clock, reload: () => keeper.reload() }),
    journal: observers.journal,
    recorder: observers.recorder,
    metrics: observers.metrics,
    dataPath,
    mount: (app) => {
      mountGateway(app, dataPath);
      shareUpgrades(app.server, dataPath);
    },
    ready: () => directory.ready(),
    close: () => (closing ??= closeAll()),
  };
}

/** Opens the gateway and its listeners. Throws a WatchgateError in one line for what keeps it from starting. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, clock = systemClock } = options;
  const core = await openGateway(options);
  const closers: (() => Promise<void>)[] = [() => core.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const { views, actions, journal, recorder, metrics } = core;
    const admin = await startAdmin({
      listen: settings.admin,
      token: settings.adminToken,
      views,
      actions,
      journal,
      recorder,
      metricsText: () => metrics.text(),
      clock,
    });
    closers.push(() => admin.close());
    const { receiveTimeout, maxEventLoopLag: _, ...limits } = settings.server;
    const door = await openFrontDoor(
      settings.listen,
      { ...limits, requestTimeout: receiveTimeout },
      core.dataPath,
    );
    closers.push(() => stopAtOnce(door));
    return {
      address: door.address,
      adminAddress: admin.address,
      views,
      ready: core.ready,
      reload: () => actions.reload(),
      drain: () => drain(core.dataPath, door, settings, clock),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function openRegistries(
  options: GatewayOptions,
  tools: Parameters<typeof openSources>[1],
): Promise<OpenSources> {
  const { sources, settings } = options;
  if (sources !== undefined) return Promise.resolve({ sources, want: () => {}, close: async () => {} });
  return openSources(settings.registries, tools);
}

/** What requests find dead is held no longer. */
function reportDeaths(hub: EventHub, directory: Directory): () => void {
  return hub.on('attempt', ({ service, endpoint, outcome }) => {
    if (outcome === 'connect-failed') directory.reportDead(refOfServiceName(service), endpoint);
  });
}
