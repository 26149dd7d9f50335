import { delay, systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { AdminClient } from './admin-client.js';
import { printable, readRows } from './endpoint-rows.js';
import { compareSamples, type TopService } from './top-rates.js';
import { type TopSample, takeSample } from './top-sample.js';

/** What a gateway counts, asked for again and again. */
export class Measurements {
  readonly #client: AdminClient;
  readonly #service: string | undefined;
  readonly #intervalMs: number;
  #last: TopSample | undefined;

  constructor(client: AdminClient, service: string | undefined, intervalMs: number) {
    this.#client = client;
    this.#service = service;
    this.#intervalMs = intervalMs;
  }

  /** What passes in the next interval. Throws as AdminClient does, and then begins anew. */
  async next(signal?: AbortSignal): Promise<TopService[]> {
    const before = this.#last ?? (await this.#sample());
    this.#last = undefined;
    await delay(systemClock, this.#intervalMs, signal);
    if (signal?.aborted) return [];
    const after = await this.#sample();
    this.#last = after;
    const wanted = this.#service;
    const services = compareSamples(before, after).filter(({ service }) => (wanted ?? service) === service);
    if (services.length > 0 || wanted === undefined) return services;
    throw new WatchgateError('COMMAND_FAILED', `the gateway knows no service "${printable(wanted)}"`);
  }

  async #sample(): Promise<TopSample> {
    const [services, metrics] = await Promise.all([
      this.#client.get('/api/services'),
      this.#client.text('/metrics'),
    ]);
    return takeSample(systemClock.monotonic(), readRows(services), metrics);
  }
}
