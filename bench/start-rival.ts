import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../test/support/free-ports.js';
import type { Variant } from './loads.js';
import { PinnedProcess } from './process.js';
import type { Rival } from './rival.js';
import type { Stage } from './stage.js';

/** A rival that serves. */
export interface RunningRival {
  readonly address: string;
  readonly process: PinnedProcess;
  readonly registryPrefix: string | undefined;
}

/** What is asked until it is answered: the whole of a large download is not. */
function probePath({ traffic }: Variant): string {
  const [path = ''] = traffic.kind === 'http' ? traffic.paths : [];
  return path === '' || path.endsWith('m') ? '/route-0/list' : path;
}

export interface StartOptions {
  /** As `taskset` names them; the proxy's when absent. */
  readonly on?: string;
  /** File for what it prints; one in a folder of its own when absent. */
  readonly log?: string;
}

/** Starts a rival and waits until it serves. Rejects with its last words. */
export async function startRival(
  { folder: parent, cores, endpoints, registry }: Pick<Stage, 'folder' | 'cores' | 'endpoints' | 'registry'>,
  { launch: prepare }: Pick<Required<Rival>, 'launch'>,
  variant: Variant,
  { on = cores.proxy, log }: StartOptions = {},
): Promise<RunningRival> {
  const folder = mkdtempSync(join(parent, 'rival-'));
  const port = await freePort();
  const launch = await prepare({ port, folder, site: variant.site(endpoints), registry });
  const process = new PinnedProcess(launch, { cores: on, log: log ?? join(folder, 'log') });
  const address = `127.0.0.1:${port}`;
  try {
    await process.until(async () => (await fetch(`http://${address}${probePath(variant)}`)).status === 200);
  } catch (error) {
    await process.stop();
    throw error;
  }
  return { address, process, registryPrefix: launch.registryPrefix };
}
