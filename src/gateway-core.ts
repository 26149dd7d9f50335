import type { FastifyInstance } from 'fastify';
import { gatewayActions } from './composition/actions.js';
import { followRegistered } from './composition/auto-routes.js';
import { openDoor } from './composition/door.js';
import { drain, stopAtOnce } from './composition/drain.js';
import { fixedAtStart } from './composition/fixed-settings.js';
import type { RegistriesOptions } from './composition/registries.js';
import { routingSettings } from './composition/routing.js';
import type { OpenSources } from './composition/sources.js';
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
import type { Observers, ObserverTools } from './observability/observers.js';
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

/** What differs between a gateway and a worker of one. */
export interface GatewayParts<O extends Closable> {
  /** Where the endpoints come from. */
  readonly openRegistries: (options: RegistriesOptions) => Promise<OpenSources>;
  /** Who listens to what happens. */
  readonly observe: (settings: Settings, tools: ObserverTools) => Promise<O>;
}

/** Watches the registries and compiles the routes. Does not wait for either to be complete. */
export async function openCore<O extends Closable>(
  options: GatewayOptions,
  { openRegistries, observe }: GatewayParts<O>,
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
    warn: (fields, text) => logger.warn(fields, text),
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
      directory,
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

/** Where clients come in, and how it is left. */
export interface Entrance {
  /** `host:port`. */
  readonly address: string;
  /** The same over TLS; undefined without it. */
  readonly tlsAddress: string | undefined;
  /**
   * Leaves without losing a request: not ready at once, still serving for `drainDelay`, then no new
   * connections, and at most `drainTimeout` for what is in flight.
   */
  drain(): Promise<void>;
  /** Stops at once. Idempotent. */
  close(): Promise<void>;
}

/** Listens for clients. Throws PORT_TAKEN or LISTEN_FAILED naming the address. */
export async function openEntrance(dataPath: DataPath, settings: Settings, clock: Clock): Promise<Entrance> {
  const door = await openDoor(settings, dataPath);
  return {
    address: door.address,
    tlsAddress: door.tlsAddress,
    drain: () => drain(dataPath, door, settings, clock),
    close: () => stopAtOnce(dataPath, door, clock),
  };
}

/** What requests find dead is held no longer. */
function reportDeaths(hub: EventHub, directory: Directory): () => void {
  return hub.on('attempt', ({ service, endpoint, outcome }) => {
    if (outcome === 'connect-failed') directory.reportDead(refOfServiceName(service), endpoint);
  });
}
