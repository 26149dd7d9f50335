import type { Settings } from '../config/settings.js';

/** Settings that listeners, registries and files were opened with. */
const FIXED = [
  'listen',
  'tls',
  'admin',
  'adminToken',
  'workers',
  'registries',
  'server',
  'accessLog',
  'logLevel',
  'staleTtl',
  'stateDir',
  'maxSnapshotAge',
] as const satisfies readonly (keyof Settings)[];

/** Names of what changed and can only be taken at the next start. */
export function fixedAtStart(before: Settings, after: Settings): string[] {
  return FIXED.filter((name) => JSON.stringify(plain(before[name])) !== JSON.stringify(plain(after[name])));
}

function plain(value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}
