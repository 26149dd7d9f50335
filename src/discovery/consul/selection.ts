import {
  formatServiceSelector,
  parseServiceSelector,
  type ServiceSelector,
} from '../../core/service-selector.js';

/** Which services a source follows. */
export interface WantedServices {
  /** As routes name them: `goods`, or `goods?tag=v2`. */
  readonly services: readonly string[];
  /** Every other service of the catalogue too, but for Consul itself. */
  readonly all: boolean;
}

/** What is wanted of a datacenter, by service. */
export class Selection {
  /** Whether services that nobody named are wanted too. */
  readonly all: boolean;
  readonly #selectors = new Map<string, ServiceSelector[]>();

  constructor({ services, all }: WantedServices) {
    this.all = all;
    for (const text of services) {
      const selector = parseServiceSelector(text);
      if (selector === undefined) continue;
      const others = this.#selectors.get(selector.name);
      if (others === undefined) this.#selectors.set(selector.name, [selector]);
      else others.push(selector);
    }
  }

  /** Of the services that were named. */
  get names(): Set<string> {
    return new Set(this.#selectors.keys());
  }

  /** The parts of a service that were named. */
  named(name: string): readonly ServiceSelector[] {
    return this.#selectors.get(name) ?? [];
  }

  /** With `all`, a service is one of the list even where only a part of it is routed to. */
  of(name: string): readonly ServiceSelector[] {
    const named = this.named(name);
    const whole = named.some(({ tags }) => tags.length === 0);
    return whole || !this.all ? named : [{ name, tags: [] }, ...named];
  }

  /** Whether a set of that name is wanted. */
  has(text: string): boolean {
    const name = text.split('?')[0] ?? '';
    return this.of(name).some((selector) => formatServiceSelector(selector) === text);
  }
}
