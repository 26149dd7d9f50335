import { systemClock } from '../../src/core/clock.js';
import {
  type EmbeddedRegistry,
  type EmbeddedRegistryOptions,
  startEmbeddedRegistry,
} from '../../src/embedded/server.js';

/** The embedded registry on a free port of 127.0.0.1. */
export function startEmbedded(options: Partial<EmbeddedRegistryOptions> = {}): Promise<EmbeddedRegistry> {
  return startEmbeddedRegistry({ listen: { host: '127.0.0.1', port: 0 }, clock: systemClock, ...options });
}
