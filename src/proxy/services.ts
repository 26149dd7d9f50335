import type { EndpointSet } from '../core/endpoint.js';
import { type ServicePolicy, type ServiceRef, serviceName } from '../core/route.js';
import { Service, type ServiceTools } from './service.js';

/** Tells of each EndpointSet of a service, at once and on change; returns the function that stops it. */
export type WatchService = (ref: ServiceRef, listener: (set: EndpointSet) => void) => () => void;

interface Entry {
  readonly ref: ServiceRef;
  readonly service: Service;
  readonly unwatch: () => void;
}

/** The services that routes lead to, each following its endpoints for as long as a route does. */
export class Services {
  readonly #tools: ServiceTools;
  readonly #watch: WatchService;
  readonly #entries = new Map<string, Entry>();
  #retired: Service[] = [];

  constructor(tools: ServiceTools, watch: WatchService) {
    this.#tools = tools;
    this.#watch = watch;
  }

  /** By the name in metrics and logs. */
  get(name: string): Service | undefined {
    return this.#entries.get(name)?.service;
  }

  /** The service that a route of the current generation leads to. */
  of(ref: ServiceRef): Service {
    const service = this.get(serviceName(ref));
    if (service === undefined)
      throw new Error(`no service for ${serviceName(ref)}: reconcile comes before a new table`);
    return service;
  }

  /**
   * Makes the services be those of `refs`. One that is no longer led to keeps its endpoints'
   * connections until the requests in flight are done.
   */
  reconcile(refs: readonly ServiceRef[], policyOf: (ref: ServiceRef) => ServicePolicy): void {
    this.#retired = this.#retired.filter((service) => service.busy);
    const wanted = new Map(refs.map((ref) => [serviceName(ref), ref]));
    for (const [name, entry] of this.#entries) {
      if (!wanted.has(name)) this.#remove(name, entry);
    }
    for (const [name, ref] of wanted) {
      const known = this.#entries.get(name);
      if (known === undefined) this.#add(name, ref, policyOf(ref));
      else known.service.setPolicy(policyOf(ref));
    }
  }

  /** Breaks off every connection. */
  close(): void {
    for (const { service, unwatch } of this.#entries.values()) {
      unwatch();
      service.close();
    }
    for (const service of this.#retired) service.close();
    this.#entries.clear();
    this.#retired = [];
  }

  #add(name: string, ref: ServiceRef, policy: ServicePolicy): Service {
    const service = new Service(name, policy, this.#tools);
    const unwatch = this.#watch(ref, (set) => service.apply(set));
    this.#entries.set(name, { ref, service, unwatch });
    return service;
  }

  #remove(name: string, { service, unwatch }: Entry): void {
    this.#entries.delete(name);
    unwatch();
    service.apply({ service: name, endpoints: [] });
    this.#retired.push(service);
  }
}
