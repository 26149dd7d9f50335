import { compileRoutes } from '../routing/compile.js';
import { trustedProxies } from './client-address.js';
import { clientConnections } from './client-connection.js';
import type { Generation } from './context.js';
import type { RoutingSettings } from './data-path.js';

/** What the configuration means to a request, compiled. */
export function compileGeneration(settings: Omit<RoutingSettings, 'policyOf'>): Generation {
  const proxies = trustedProxies(settings.trustedProxies);
  return { table: compileRoutes(settings.rules), proxies, connectionOf: clientConnections(proxies) };
}
