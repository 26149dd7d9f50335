import type { EndpointSet } from '../core/endpoint.js';

/** Something about each of some endpoints, by service and address. */
export class EndpointMap<T> {
  readonly #services = new Map<string, Map<string, T>>();

  get empty(): boolean {
    return this.#services.size === 0;
  }

  get(service: string, address: string): T | undefined {
    return this.#services.get(service)?.get(address);
  }

  set(service: string, address: string, value: T): void {
    const ofService = this.#services.get(service);
    if (ofService === undefined) this.#services.set(service, new Map([[address, value]]));
    else ofService.set(address, value);
  }

  delete(service: string, address: string): void {
    const ofService = this.#services.get(service);
    if (ofService?.delete(address) && ofService.size === 0) this.#services.delete(service);
  }

  /** Forgets what there is about the endpoints of a set. */
  deleteAll({ service, endpoints }: EndpointSet): void {
    const ofService = this.#services.get(service);
    if (ofService === undefined) return;
    for (const { address } of endpoints) ofService.delete(address);
    if (ofService.size === 0) this.#services.delete(service);
  }

  clear(): void {
    this.#services.clear();
  }

  /** Services of which there is any. */
  services(): Iterable<string> {
    return this.#services.keys();
  }

  of(service: string): Iterable<T> {
    return this.#services.get(service)?.values() ?? [];
  }

  /** All of them; those that are deleted meanwhile need not be met. */
  *values(): Generator<T, void, undefined> {
    for (const ofService of this.#services.values()) yield* ofService.values();
  }
}
