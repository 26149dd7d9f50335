import { join } from 'node:path';
import type { RegistrySettings, Settings } from '../config/settings.js';
import type { Clock } from '../core/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Announce } from '../core/events.js';
import type { ServiceRef } from '../core/route.js';
import type { AddressPolicy } from '../discovery/address-policy.js';
import { GuardedSource } from '../discovery/guard.js';
import { SnapshotFile } from '../discovery/snapshot-file.js';
import type { Source } from '../discovery/source.js';
import { httpProbe, tcpProbe } from '../proxy/probe.js';

export interface GuardTools {
  /** The newest settings: health checks may change while running. */
  readonly settings: () => Settings;
  readonly allowed: AddressPolicy;
  readonly clock: Clock;
  readonly announce: Announce;
}

/** Longer would leave the dead among thousands of held endpoints in use for too long. */
const LONGEST_PROBE_MS = 1_000;

/**
 * Sources that do not believe a sudden emptiness without evidence. A file is believed at once: whoever
 * edits it means what it says.
 */
export function guardSources(sources: readonly Source[], tools: GuardTools): Source[] {
  const { registries, staleTtl } = tools.settings();
  return sources.map((source) => {
    const registry = registries.get(source.name);
    if (registry === undefined || registry.type === 'file') return source;
    const { name } = source;
    return new GuardedSource({
      ...tools,
      source,
      staleTtl,
      file: snapshotFile(name, registry, tools),
      probe: (service, endpoint) => isAlive({ service, registry: name }, endpoint, tools),
    });
  });
}

function snapshotFile(
  source: string,
  registry: RegistrySettings,
  tools: GuardTools,
): SnapshotFile | undefined {
  const { stateDir, maxSnapshotAge } = tools.settings();
  if (stateDir === undefined) return undefined;
  return new SnapshotFile({
    path: join(stateDir, `registry-${source}.json`),
    source,
    registry: inWords(registry),
    maxAge: maxSnapshotAge,
    policy: tools.allowed,
    clock: tools.clock,
    announce: tools.announce,
  });
}

/** Tells registries apart, whatever order their members are named in. Holds no secret. */
function inWords(registry: RegistrySettings): string {
  const { type } = registry;
  const members = 'endpoints' in registry ? [...registry.endpoints].sort().join(',') : '';
  const keys = 'prefix' in registry ? `${registry.prefix} as ${registry.schema}` : '';
  return [type, members, keys].filter((word) => word !== '').join(' ');
}

/** By the health check of the service, or a connection when it has none. */
async function isAlive(
  ref: ServiceRef,
  endpoint: Endpoint,
  { settings, ...tools }: GuardTools,
): Promise<boolean> {
  const { healthCheck, connectTimeout } = settings().servicePolicy(ref);
  const probeTools = { clock: tools.clock, allows: (ip: string) => tools.allowed.allows(ip) };
  const timeout = Math.min(
    LONGEST_PROBE_MS,
    healthCheck.type === 'none' ? connectTimeout : healthCheck.timeout,
  );
  const probe =
    healthCheck.type === 'http'
      ? httpProbe(endpoint, { ...healthCheck, timeout }, probeTools)
      : tcpProbe(endpoint, timeout, probeTools);
  try {
    return await probe.check();
  } finally {
    probe.close();
  }
}
