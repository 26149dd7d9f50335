import { startAdmin } from './admin/server.js';
import { openRegistries } from './composition/registries.js';
import { systemClock } from './core/clock.js';
import type { GatewayViews } from './core/views.js';
import {
  type Entrance,
  type GatewayCore,
  type GatewayOptions,
  openCore,
  openEntrance,
} from './gateway-core.js';
import { openObservers } from './observability/observers.js';

/** A gateway with its two listeners. */
export interface Gateway extends Entrance {
  /** `http://host:port` of the admin port. */
  readonly adminAddress: string;
  readonly views: GatewayViews;
  ready(): Promise<void>;
  /** Loads the configuration again; resolves to its errors. */
  reload(): Promise<readonly string[]>;
}

/** Watches the registries and compiles the routes. Does not wait for either to be complete. */
export function openGateway(options: GatewayOptions): Promise<GatewayCore> {
  return openCore(options, { openRegistries, observe: openObservers });
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
