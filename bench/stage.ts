import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchServerNames } from '../scripts/server-table.mjs';
import { ensureServers, type TestServer } from '../scripts/servers.mjs';
import { type Cores, pin, shareCores } from './cores.js';
import { type Endpoints, startEndpoints } from './endpoints.js';
import { type BenchRegistry, openRegistry } from './registry.js';
import { TrafficSource } from './traffic.js';

/** Everything around the proxies. */
export interface Stage {
  /** For files; goes with the stage. */
  readonly folder: string;
  readonly cores: Cores;
  readonly registry: BenchRegistry;
  readonly endpoints: Endpoints;
  readonly traffic: TrafficSource;
  /** Those that could be had, by name. */
  readonly servers: Readonly<Record<string, TestServer>>;
  /** One line for each that could not. */
  readonly missing: readonly string[];
  close(): Promise<void>;
}

/** Moves this process off the proxy's core, and starts the registry and the endpoints beside it. */
export async function openStage(): Promise<Stage> {
  const cores = shareCores();
  pin(process.pid, cores.rest);
  const { found, missing } = await ensureServers(benchServerNames);
  const { nginx, wrk } = found;
  if (nginx === undefined || wrk === undefined) throw new Error(missing.join('\n'));
  const folder = mkdtempSync(join(tmpdir(), 'watchgate-bench-'));
  const registry = await openRegistry(cores.rest);
  const endpoints = await startEndpoints(nginx, join(folder, 'endpoints'), cores.rest);
  return {
    folder,
    cores,
    registry,
    endpoints,
    traffic: new TrafficSource(wrk, folder, cores.rest),
    servers: found,
    missing,
    async close() {
      await endpoints.stop();
      await registry.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
