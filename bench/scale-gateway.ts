import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../test/support/free-ports.js';
import { PinnedProcess } from './process.js';
import type { Stage } from './stage.js';

const OWN_MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** A gateway that serves all that is registered below a prefix. */
export interface ScaleGateway {
  readonly url: string;
  /** From the start of the process until it said that it was ready, milliseconds. */
  readonly readyMs: number;
  /** When it was ready, MiB. */
  readonly rssMib: number;
  stop(): Promise<void>;
}

/** Starts one on the proxy's core. `main`: of another build. */
export async function startGateway(
  { folder, cores, registry }: Pick<Stage, 'folder' | 'cores' | 'registry'>,
  prefix: string,
  main = OWN_MAIN,
): Promise<ScaleGateway> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(folder, 'scale.yaml');
  writeFileSync(
    file,
    `listen: 127.0.0.1:${port}
admin: 127.0.0.1:${adminPort}
accessLog: 'off'
autoRoutes: true
registry: { type: etcd, endpoints: ['${registry.url}'], prefix: ${prefix} }
`,
  );
  const startedAt = performance.now();
  const gateway = new PinnedProcess(
    { file: process.execPath, args: [main, 'start', '-c', file], env: { NODE_ENV: 'production' } },
    { cores: cores.proxy, log: join(folder, 'scale.log') },
  );
  await readyAt(`http://127.0.0.1:${adminPort}/readyz`);
  const readyMs = performance.now() - startedAt;
  const rssMib = gateway.rssKiB() / 1024;
  return { url: `http://127.0.0.1:${port}`, readyMs, rssMib, stop: () => gateway.stop() };
}

async function readyAt(url: string): Promise<void> {
  const patience = AbortSignal.timeout(30_000);
  for (;;) {
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    if (patience.aborted) throw new Error(`${url} still answers ${status}`);
    await pause(1);
  }
}

/**
 * Has a process run, with all of its threads, when nothing else on its core wants to: what writes thousands of changes
 * must not delay those who measure beside it.
 */
export function yieldToOthers(pid: number): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), 10);
}
