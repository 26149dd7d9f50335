import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_PREFIX } from '../core/registration.js';
import {
  MAIN_REGISTRY,
  type RequestPolicy,
  type RouteRule,
  type ServicePolicy,
  type ServiceRef,
  serviceName,
} from '../core/route.js';
import type { SchemaChoice } from '../core/schema-names.js';
import { type DnsNameSetting, type ListenAddress, parseServiceRef } from './network-scalars.js';
import { requestDefaults, serviceDefaults } from './policy-schema.js';
import type { PolicyEntry, RegistryEntry, RouteEntry, RoutesDocument } from './schema.js';

export interface TlsFiles {
  /** Paths of PEM files; a relative one is relative to the working directory. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface EtcdSettings {
  readonly type: 'etcd';
  /** `http://` or `https://` addresses of the members; never empty, never mixed. */
  readonly endpoints: readonly string[];
  /** Without a trailing slash; empty for the whole registry. */
  readonly prefix: string;
  readonly schema: SchemaChoice;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsFiles | undefined;
}

export interface ConsulSettings {
  readonly type: 'consul';
  /** `http://` or `https://` addresses of agents; never empty, never mixed. */
  readonly endpoints: readonly string[];
  /** Undefined: that of the agent. */
  readonly datacenter: string | undefined;
  readonly token: string | undefined;
  readonly tls: TlsFiles | undefined;
}

export interface EmbeddedSettings {
  readonly type: 'embedded';
  readonly listen: ListenAddress;
  readonly prefix: string;
  readonly schema: SchemaChoice;
}

export interface DnsSettings {
  readonly type: 'dns';
  /** IP addresses and ports; undefined for the servers of the system. */
  readonly servers: readonly ListenAddress[] | undefined;
  /** By service; at least one. */
  readonly names: Readonly<Record<string, DnsNameSetting>>;
  readonly family: 'any' | 'ipv4' | 'ipv6';
}

export interface FileSettings {
  readonly type: 'file';
  /** A relative one is relative to the working directory. */
  readonly path: string;
}

export type RegistrySettings = EtcdSettings | ConsulSettings | DnsSettings | FileSettings | EmbeddedSettings;

/** Limits on client connections; durations in milliseconds, sizes in bytes, in the form Node's server takes. */
export interface ServerSettings {
  readonly headersTimeout: number;
  /** To receive a whole request, body included (`requestTimeout` of Node's server); 0 for no limit. */
  readonly receiveTimeout: number;
  readonly keepAliveTimeout: number;
  readonly maxHeaderSize: number;
  /** 0 for no limit. */
  readonly maxEventLoopLag: number;
  /** Infinity when unlimited. */
  readonly maxConnections: number;
  /** Requests at once on one connection of HTTP/2. */
  readonly maxConcurrentStreams: number;
}

/** Where clients come in over TLS. */
export interface FrontTlsSettings {
  readonly listen: ListenAddress;
  /** Paths of PEM files; a relative one is relative to the working directory. */
  readonly cert: string;
  readonly key: string;
  readonly minVersion: '1.2' | '1.3';
}

/** The configuration as the gateway uses it: validated, defaults applied, immutable. */
export interface Settings {
  readonly listen: ListenAddress;
  readonly tls: FrontTlsSettings | undefined;
  readonly admin: ListenAddress;
  readonly adminToken: string | undefined;
  /** Processes that serve; `auto` for one to each core. */
  readonly workers: number | 'auto';
  /** By name; at least one. */
  readonly registries: ReadonlyMap<string, RegistrySettings>;
  readonly routes: readonly RouteRule[];
  readonly autoRoutes: boolean;
  servicePolicy(ref: ServiceRef): ServicePolicy;
  /** The policy of requests for a service that no rule names, as `autoRoutes` serves it. */
  requestPolicy(ref: ServiceRef): RequestPolicy;
  /** IP addresses and CIDR ranges. */
  readonly trustedProxies: readonly string[];
  /** IP addresses and CIDR ranges; undefined when the file does not say. */
  readonly allowedAddresses: readonly string[] | undefined;
  /** Milliseconds; 0 turns the guard off. */
  readonly staleTtl: number;
  /** A relative one is relative to the working directory; undefined keeps nothing on disk. */
  readonly stateDir: string | undefined;
  /** Milliseconds. */
  readonly maxSnapshotAge: number;
  readonly accessLog: 'all' | 'errors' | 'off';
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Milliseconds. */
  readonly drainDelay: number;
  readonly drainTimeout: number;
  readonly server: ServerSettings;
  /** What all of this was made of. Holds secrets: for comparing, never for showing. */
  readonly document: RoutesDocument;
}

/** Whether both mean the same, so that a reload may be dropped. Comments, order of keys and spelling do not count. */
export function sameSettings(a: Settings, b: Settings): boolean {
  return isDeepStrictEqual(a.document, b.document);
}

/** Resolves a document that has passed every check. */
export function resolveSettings(document: RoutesDocument): Settings {
  const services = new Map(
    Object.entries(document.services).map(([key, policy]) => [canonicalName(key), policy]),
  );
  const levels = (ref: ServiceRef): readonly (PolicyEntry | undefined)[] => [
    document.defaults,
    services.get(serviceName(ref)),
  ];
  const policies = new Map<string, RequestPolicy>();
  const requestPolicy = (ref: ServiceRef, route?: RouteEntry): RequestPolicy =>
    oneOf(policies, requestPolicyOf([...levels(ref), route]));
  return {
    listen: document.listen,
    tls: document.tls,
    admin: document.admin,
    adminToken: document.adminToken,
    workers: document.workers,
    registries: registriesOf(document),
    routes: document.routes.map((route) => ruleOf(route, requestPolicy(route.service, route))),
    autoRoutes: document.autoRoutes,
    servicePolicy: (ref) => overlaid<ServicePolicy>(serviceDefaults, levels(ref)),
    requestPolicy,
    trustedProxies: document.trustedProxies,
    allowedAddresses: document.allowedAddresses,
    staleTtl: document.staleTtl,
    stateDir: document.stateDir,
    maxSnapshotAge: document.maxSnapshotAge,
    accessLog: document.accessLog,
    logLevel: document.logLevel,
    drainDelay: document.drainDelay,
    drainTimeout: document.drainTimeout,
    server: document.server,
    document,
  };
}

function canonicalName(key: string): string {
  const reading = parseServiceRef(key);
  return reading !== undefined && 'value' in reading ? serviceName(reading.value) : key;
}

function registriesOf({ registry, registries }: RoutesDocument): ReadonlyMap<string, RegistrySettings> {
  const entries = Object.entries(registries ?? { [MAIN_REGISTRY]: registry ?? embeddedByDefault });
  return new Map(entries.map(([name, entry]) => [name, registryOf(entry)]));
}

const embeddedByDefault: RegistryEntry = {
  type: 'embedded',
  listen: { host: '127.0.0.1', port: 2379 },
  prefix: DEFAULT_PREFIX,
  schema: 'auto',
};

function registryOf(entry: RegistryEntry): RegistrySettings {
  if (entry.type === 'embedded' || entry.type === 'file') return entry;
  if (entry.type === 'dns') return { ...entry, servers: entry.servers };
  const tls = entry.tls && { ca: entry.tls.ca, cert: entry.tls.cert, key: entry.tls.key };
  if (entry.type === 'consul') {
    const { type, endpoints, datacenter, token } = entry;
    return { type, endpoints, datacenter, token, tls };
  }
  const { type, endpoints, prefix, schema, username, password } = entry;
  return {
    type,
    endpoints,
    prefix,
    schema,
    username,
    password: username === undefined ? undefined : password,
    tls,
  };
}

/** Field by field: V8 gives what `...` makes a hidden class each, and a read that meets many of them is slow. */
function ruleOf(route: RouteEntry, policy: RequestPolicy): RouteRule {
  const { service, registry } = route.service;
  return {
    service,
    registry,
    id: `${route.host ?? ''}${route.prefix}`,
    prefix: route.prefix,
    host: route.host,
    replacePrefix: route.stripPrefix ? '/' : route.rewritePrefix,
    policy,
  };
}

function requestPolicyOf(levels: readonly (PolicyEntry | RouteEntry | undefined)[]): RequestPolicy {
  const policy = overlaid(requestDefaults, levels);
  return { ...policy, hostHeader: policy.hostHeader === 'keep' ? undefined : policy.hostHeader };
}

/** The one of `known` that says the same: of a thousand routes, few differ in how they treat requests. */
function oneOf(known: Map<string, RequestPolicy>, policy: RequestPolicy): RequestPolicy {
  const key = JSON.stringify(policy);
  const existing = known.get(key);
  if (existing !== undefined) return existing;
  known.set(key, policy);
  return policy;
}

type Overlay<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** `base`, each of its keys taken from the last level that gives one. */
function overlaid<T extends object>(base: T, levels: readonly (Overlay<T> | undefined)[]): T {
  const result: T = { ...base };
  for (const level of levels) {
    for (const key in base) {
      const value = level?.[key];
      if (value !== undefined) result[key] = value;
    }
  }
  return result;
}
