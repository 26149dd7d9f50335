import type { Settings } from '../config/settings.js';
import { isServiceName } from '../core/registration.js';
import type { RouteRule, ServiceRef } from '../core/route.js';
import type { RoutingSettings } from '../proxy/data-path.js';

/**
 * What the data path is made of: the configured routes and, with `autoRoutes`, one for each
 * registered service at `/<service>`. A configured route goes before an automatic one with the same
 * prefix, and so does the registry that is named first.
 */
export function routingSettings(settings: Settings, registered: readonly ServiceRef[]): RoutingSettings {
  const rules = settings.autoRoutes ? withAutomatic(settings, registered) : settings.routes;
  return { rules, policyOf: (ref) => settings.servicePolicy(ref), trustedProxies: settings.trustedProxies };
}

function withAutomatic(settings: Settings, registered: readonly ServiceRef[]): readonly RouteRule[] {
  const taken = new Set(settings.routes.filter(({ host }) => host === undefined).map(({ prefix }) => prefix));
  const automatic: RouteRule[] = [];
  for (const ref of registered) {
    const prefix = `/${ref.service}`;
    if (taken.has(prefix) || !isServiceName(ref.service)) continue;
    taken.add(prefix);
    const policy = settings.requestPolicy(ref);
    const { service, registry } = ref;
    automatic.push({
      service,
      registry,
      id: prefix,
      prefix,
      host: undefined,
      replacePrefix: undefined,
      policy,
    });
  }
  return [...settings.routes, ...automatic];
}
