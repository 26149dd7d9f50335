import * as z from 'zod';
import { MAIN_REGISTRY, type ServiceRef, serviceName } from '../core/route.js';
import { suggestion } from '../core/suggestion.js';
import type { Path } from '../files/yaml-file.js';
import type { Finding } from './finding.js';
import { hostPattern, isLoopback, parseServiceRef, serviceRef } from './network-scalars.js';
import { isConsul, registryEntryFindings } from './registry-rules.js';
import { flag, pathPrefix } from './scalars.js';
import type { RoutesDocument } from './schema.js';

/** `schema`, or null for what it refuses: that has been reported, and the rest can still be compared. */
function orNull<T extends z.ZodType>(schema: T) {
  return schema.nullable().catch(null);
}

const map = z.record(z.string(), z.unknown());

const routeOutline = z.object({
  prefix: orNull(pathPrefix()),
  host: orNull(hostPattern().optional()),
  service: orNull(serviceRef()),
  stripPrefix: orNull(flag().optional()),
  rewritePrefix: z.unknown().optional(),
});

/** As much of a document as the rules look at; a value that is wrong in itself is left out, not in the way. */
const outline = z.object({
  registry: z.unknown().optional(),
  registries: orNull(map.optional()),
  routes: z.array(orNull(routeOutline)).catch([]),
  services: map.catch({}),
});
type Outline = z.output<typeof outline>;
type RouteOutline = z.output<typeof routeOutline>;

/** Every rule between values that `raw`, the file as plain data, breaks. */
export function crossFindings(raw: unknown): Finding[] {
  const { success, data } = outline.safeParse(raw);
  if (!success) return [];
  return [
    ...registryFindings(data),
    ...routeFindings(data),
    ...serviceFindings(data),
    ...registryEntryFindings(data),
    ...tagFindings(data),
  ];
}

/** Names of the registries; undefined when they cannot be told for an error that has been reported. */
function registryNames({ registry, registries }: Outline): string[] | undefined {
  if (registries === null) return undefined;
  return registries === undefined || registry !== undefined ? [MAIN_REGISTRY] : Object.keys(registries);
}

function registryFindings({ registry, registries }: Outline): Finding[] {
  if (registries === undefined || registries === null) return [];
  const names = Object.keys(registries);
  const findings = names
    .filter((name) => !/^[A-Za-z0-9._-]{1,64}$/.test(name))
    .map(
      (name): Finding => ({
        path: ['registries', name],
        at: 'key',
        message: 'a registry name has letters, digits and ._- only',
      }),
    );
  if (names.length === 0) findings.push({ path: ['registries'], message: 'must name at least one registry' });
  if (registry !== undefined) {
    findings.push({
      path: ['registries'],
      at: 'key',
      message: 'cannot be given beside registry; move that one in here as main',
    });
  }
  return findings;
}

function routeFindings(document: Outline): Finding[] {
  const names = registryNames(document);
  const seen = new Map<string, Path>();
  return document.routes.flatMap((route, index) => {
    if (route === null) return [];
    const path = ['routes', index];
    const registry = route.service === null ? undefined : unknownRegistry(route.service, names);
    return [
      ...(registry === undefined ? [] : [{ path: [...path, 'service'], message: registry }]),
      ...rewriteFindings(route, path),
      ...duplicateFindings(route, [...path, 'prefix'], seen),
    ];
  });
}

function rewriteFindings(route: RouteOutline, path: Path): Finding[] {
  if (route.stripPrefix !== true || route.rewritePrefix === undefined) return [];
  return [
    {
      path: [...path, 'rewritePrefix'],
      at: 'key',
      message: 'cannot be given beside stripPrefix: true; a route strips its prefix or rewrites it',
    },
  ];
}

function duplicateFindings({ host, prefix }: RouteOutline, path: Path, seen: Map<string, Path>): Finding[] {
  if (host === null || prefix === null) return [];
  const key = `${host ?? ''}${prefix}`;
  const first = seen.get(key);
  if (first !== undefined) return [{ path, message: `${key} is already routed`, sameAs: first }];
  seen.set(key, path);
  return [];
}

function serviceFindings(document: Outline): Finding[] {
  const names = registryNames(document);
  const seen = new Map<string, Path>();
  return Object.keys(document.services).flatMap((key): Finding[] => {
    const path = ['services', key];
    const reading = parseServiceRef(key);
    if (reading === undefined || 'problem' in reading)
      return [{ path, at: 'key', message: reading?.problem ?? 'is no service name' }];
    const registry = unknownRegistry(reading.value, names);
    if (registry !== undefined) return [{ path, at: 'key', message: registry }];
    const first = seen.get(serviceName(reading.value));
    if (first !== undefined)
      return [{ path, at: 'key', message: 'names a service that is already here', sameAs: first }];
    seen.set(serviceName(reading.value), path);
    return [];
  });
}

function unknownRegistry(
  { service, registry }: ServiceRef,
  names: readonly string[] | undefined,
): string | undefined {
  if (names === undefined || names.includes(registry)) return undefined;
  if (registry === MAIN_REGISTRY && names.length > 0) {
    return `there is no registry "main"; wanted ${names.map((name) => `${service}@${name}`).join(' or ')}`;
  }
  return `unknown registry ${JSON.stringify(registry)}${suggestion(registry, names)}`;
}

/** A part of a service by its tags is known to Consul only. */
function tagFindings(document: Outline): Finding[] {
  const { registry, registries, routes, services } = document;
  const entries = new Map<string, unknown>(Object.entries(registries ?? { [MAIN_REGISTRY]: registry }));
  const find = (ref: ServiceRef | null, place: Omit<Finding, 'message'>): Finding[] => {
    const misplaced =
      ref?.service.includes('?') && entries.has(ref.registry) && !isConsul(entries.get(ref.registry));
    return misplaced
      ? [{ ...place, message: 'selects by a tag, which only a registry of type consul has' }]
      : [];
  };
  return [
    ...routes.flatMap((route, index) => find(route?.service ?? null, { path: ['routes', index, 'service'] })),
    ...Object.keys(services).flatMap((key) => {
      const reading = parseServiceRef(key);
      const ref = reading !== undefined && 'value' in reading ? reading.value : null;
      return find(ref, { path: ['services', key], at: 'key' });
    }),
  ];
}

/** What is allowed and yet hardly meant. */
export function warnings(document: RoutesDocument): Finding[] {
  const { routes, autoRoutes, services, admin, adminToken } = document;
  const found: Finding[] = [];
  if (routes.length === 0 && !autoRoutes) {
    found.push({ path: ['routes'], message: 'no routes: every request will be answered 404' });
  }
  if (adminToken === undefined && !isLoopback(admin.host)) {
    found.push({
      path: ['admin'],
      message: 'is open to the network without adminToken: anyone there can drain endpoints',
    });
  }
  const routed = new Set(routes.map(({ service }) => serviceName(service)));
  for (const key of autoRoutes ? [] : Object.keys(services)) {
    const reading = parseServiceRef(key);
    if (reading === undefined || 'problem' in reading || routed.has(serviceName(reading.value))) continue;
    found.push({
      path: ['services', key],
      at: 'key',
      message: `no route leads to this service${suggestion(key, [...routed])}`,
    });
  }
  return found;
}
