import { compileRoutes } from '../routing/compile.js';
import { trustedProxies } from './client-address.js';
import type { Generation } from './context.js';
import type { RoutingSettings } from './data-path.js';

/** What the configuration means to a request, compiled. */
export function compileGeneration(settings: Omit<RoutingSettings, 'policyOf'>): Generation {
  return { table: compileRoutes(settings.rules), proxies: trustedProxies(settings.trustedProxies) };
}
