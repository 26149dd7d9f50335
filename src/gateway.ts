import type { FastifyInstance } from 'fastify';
import { startAdmin } from './admin/server.js';
import { gatewayActions } from './composition/actions.js';
import { followRegistered } from './composition/auto-routes.js';
import { openDoor } from './composition/door.js';
import { drain, stopAtOnce } from './composition/drain.js';
import { fixedAtStart } from './composition/fixed-settings.js';
import { HOSTING_WARNING, openRegistries } from './composition/registries.js';
import { routingSettings } from './composition/routing.js';
import { dataPathViews, gatewayViews } from './composition/views.js';
import type { Environment } from './config/environment.js';
import { ConfigKeeper } from './config/keeper.js';
import type { ConfigOrigin } from './config/origin.js';
import type { Settings } from './config/settings.js';
import { type Clock, systemClock } from './core/clock.js';
import { EventHub } from './core/events.js';
import { type Random, systemRandom } from './core/random.js';
import { refOfServiceName } from './core/route.js';
import type { GatewayActions, GatewayViews } from './core/views.js';
import { createAddressPolicy } from './discovery/address-policy.js';
import { Directory } from './discovery/directory.js';
import type { Source } from './discovery/source.js';
import { type LogStream, openLogStream } from './observability/log-stream.js';
import { createLogger } from './observability/logger.js';
import { type Observers, type ObserverTools, openObservers } from './observability/observers.js';
import { openTracing } from './observability/tracing.js';
import { DataPath } from './proxy/data-path.js';
import { mountGateway } from './proxy/front-door.js';
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

/** What a gateway is watched by. */
interface Closable {
  close(): Promise<void>;
}

/** The gateway without listeners: registries watched, routes compiled, requests served where it is mounted. */
export interface GatewayCore<O extends Closable = Observers> {
  readonly views: GatewayViews;
  readonly actions: GatewayActions;
  readonly observers: O;
  readonly dataPath: DataPath;
  /** Swaps in newer settings, valid ones. */
  replace(settings: Settings): void;
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
  /** The same over TLS; undefined without it. */
  readonly tlsAddress: string | undefined;
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
export function openGateway(options: GatewayOptions): Promise<GatewayCore> {
  return openObservedGateway(options, openObservers);
}

/** The same, with other observers than the usual ones. */
export async function openObservedGateway<O extends Closable>(
  options: GatewayOptions,
  observe: (settings: Settings, tools: ObserverTools) => Promise<O>,
): Promise<GatewayCore<O>> {
  const { settings, hub = new EventHub(), clock = systemClock, random = systemRandom } = options;
  const { announce } = hub;
  const logStream = options.logStream ?? openLogStream();
  const logger = createLogger({ level: settings.logLevel, destination: logStream });
  const allowed = createAddressPolicy(settings.allowedAddresses);
  // The guard reads settings of services, which the keeper, made later, keeps up to date.
  let newest = (): Settings => settings;
  const registries = await openRegistries({
    settings: () => newest(),
    sources: options.sources,
    clock,
    random,
    announce,
    onHosting: (endpoint) => logger.warn({ endpoint }, HOSTING_WARNING),
  });
  const directory = new Directory(registries.sources, { announce, clock });
  const tracing = await openTracing(options.environment ?? process.env, {
    hub,
    clock,
    onProblem: (problem) => logger.warn(problem),
  });
  const dataPath = new DataPath(
    {
      clock,
      random,
      announce,
      allows: (ip) => allowed.allows(ip),
      maxHeaderSize: settings.server.maxHeaderSize,
      maxLoopLag: settings.server.maxEventLoopLag || Number.POSITIVE_INFINITY,
      watchService: (ref, listener) => directory.subscribe(ref, listener),
      sampler: tracing.sampler,
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
      registries.want(newer);
      dataPath.replace(routingSettings(newer, directory.services()));
      return fixedAtStart(settings, newer);
    },
  });
  newest = () => keeper.settings;
  const stopAutoRoutes = followRegistered(directory, dataPath, newest);
  const views = gatewayViews({ directory, keeper, ...dataPathViews(dataPath) });
  const observers = await observe(settings, { hub, views, logger, stream: logStream, clock });
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
    await registries.close();
    await tracing.close();
    await observers.close();
    await logStream.close();
  };
  return {
    views,
    actions: gatewayActions({
      setDrained: (service, address, drained) =>
        dataPath.service(service)?.setDrained(address, drained) ?? false,
      views,
      announce,
      clock,
      reload: () => keeper.reload(),
    }),
    observers,
    dataPath,
    replace: (newer) => void keeper.take(newer),
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
    const { views, actions } = core;
    const { journal, recorder, metrics } = core.observers;
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
    const entrance = await openEntrance(core.dataPath, settings, clock);
    closers.push(() => entrance.close());
    return {
      address: entrance.address,
      tlsAddress: entrance.tlsAddress,
      adminAddress: admin.address,
      views,
      ready: core.ready,
      reload: () => actions.reload(),
      drain: () => entrance.drain(),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Where clients come in, and how it is left. */
export type Entrance = Pick<Gateway, 'address' | 'tlsAddress' | 'drain' | 'close'>;

/** Listens for clients. Throws PORT_TAKEN or LISTEN_FAILED naming the address. */
export async function openEntrance(dataPath: DataPath, settings: Settings, clock: Clock): Promise<Entrance> {
  const door = await openDoor(settings, dataPath);
  return {
    address: door.address,
    tlsAddress: door.tlsAddress,
    drain: () => drain(dataPath, door, settings, clock),
    close: () => stopAtOnce(door),
  };
}

/** What requests find dead is held no longer. */
function reportDeaths(hub: EventHub, directory: Directory): () => void {
  return hub.on('attempt', ({ service, endpoint, outcome }) => {
    if (outcome === 'connect-failed') directory.reportDead(refOfServiceName(service), endpoint);
  });
}
