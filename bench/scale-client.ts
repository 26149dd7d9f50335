import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const PROGRAM = fileURLToPath(new URL('scale-load.ts', import.meta.url));

/** What the process that sends requests is told. */
export type LoadRequest = { readonly kind: 'start'; readonly url: string } | { readonly kind: 'stop' };

const report = z.object({
  requests: z.number(),
  failures: z.number(),
  p99Ms: z.number(),
  worstMs: z.number(),
});
export type LoadReport = z.infer<typeof report>;

/** Requests at a steady rate from a process of its own: what keeps this one busy must not count. */
export class SteadyClient {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async open(): Promise<SteadyClient> {
    const child = fork(PROGRAM);
    await once(child, 'message');
    return new SteadyClient(child);
  }

  /** Resolves when the first has been sent. */
  async start(url: string): Promise<void> {
    const started = once(this.#child, 'message');
    this.#tell({ kind: 'start', url });
    await started;
  }

  /** Resolves when the last request has been answered. */
  async stop(): Promise<LoadReport> {
    const answer = once(this.#child, 'message');
    this.#tell({ kind: 'stop' });
    return report.parse((await answer)[0]);
  }

  close(): void {
    this.#child.kill();
  }

  #tell(request: LoadRequest): void {
    this.#child.send(request);
  }
}
