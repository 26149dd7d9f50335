import * as z from 'zod';
import { isServiceName } from '../core/registration.js';
import type { Path } from '../files/yaml-file.js';
import type { Finding } from './finding.js';
import { REGISTRY_KEYS, REGISTRY_TYPES } from './registry-schema.js';
import { unknownKey } from './section.js';

/** The part of a document that names registries, as plain data. */
export interface Registries {
  readonly registry?: unknown;
  readonly registries?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Every rule between the values of one registry that is broken. */
export function registryEntryFindings(document: Registries): Finding[] {
  return [
    ...entryFindings(document, etcdOutline, oneEtcdFindings),
    ...entryFindings(document, consulOutline, endpointFindings),
    ...entryFindings(document, dnsOutline, oneDnsFindings),
    ...entryFindings(document, untypedOutline, unknownKeyFindings),
  ];
}

/** Whether an entry of `registries:` is a Consul. */
export function isConsul(entry: unknown): boolean {
  return consulOutline.safeParse(entry).success;
}

const endpointsOutline = z.object({
  endpoints: z.union([z.string(), z.array(z.string())]).catch([]),
  tls: z.object({ cert: z.unknown().optional(), key: z.unknown().optional() }).optional().catch(undefined),
});

const etcdOutline = endpointsOutline.extend({
  type: z.literal('etcd'),
  username: z.string().optional().catch(undefined),
  password: z.string().optional().catch(undefined),
});

const consulOutline = endpointsOutline.extend({ type: z.literal('consul') });

const dnsOutline = z.object({ type: z.literal('dns'), names: z.record(z.string(), z.unknown()).catch({}) });

/** A registry whose type is missing or unknown, so that no schema has looked at its other keys. */
const untypedOutline = z
  .record(z.string(), z.unknown())
  .refine(({ type }) => !(typeof type === 'string' && REGISTRY_TYPES.includes(type)));

/** What `check` finds in each registry that is of the type of `schema`. */
function entryFindings<T extends z.ZodType>(
  { registry, registries }: Registries,
  schema: T,
  check: (path: Path, entry: z.output<T>) => Finding[],
): Finding[] {
  const all: [Path, unknown][] = Object.entries(registries ?? {}).map(([name, entry]) => [
    ['registries', name],
    entry,
  ]);
  return [[['registry'], registry] as [Path, unknown], ...all].flatMap(([path, entry]) => {
    const { success, data } = schema.safeParse(entry);
    return success ? check(path, data) : [];
  });
}

function oneEtcdFindings(path: Path, entry: z.output<typeof etcdOutline>): Finding[] {
  const findings = endpointFindings(path, entry);
  if (entry.username && !entry.password)
    findings.push({ path: [...path, 'username'], message: 'needs a password beside it' });
  return findings;
}

function endpointFindings(path: Path, { endpoints, tls }: z.output<typeof endpointsOutline>): Finding[] {
  const findings: Finding[] = [];
  const all = typeof endpoints === 'string' ? endpoints.split(',').map((part) => part.trim()) : endpoints;
  const secure = all.filter((endpoint) => endpoint.startsWith('https://')).length;
  if (secure > 0 && secure < all.length) {
    findings.push({ path: [...path, 'endpoints'], message: 'must be all http:// or all https://' });
  }
  if (tls !== undefined && all.length > 0 && secure === 0) {
    findings.push({ path: [...path, 'tls'], at: 'key', message: 'needs endpoints that begin with https://' });
  }
  if (tls !== undefined && (tls.cert === undefined) !== (tls.key === undefined)) {
    findings.push({ path: [...path, 'tls'], at: 'key', message: 'cert and key go together' });
  }
  return findings;
}

function oneDnsFindings(path: Path, { names }: z.output<typeof dnsOutline>): Finding[] {
  const services = Object.keys(names);
  if (services.length === 0) return [{ path: [...path, 'names'], message: 'must name at least one service' }];
  return services
    .filter((service) => !isServiceName(service))
    .map((service) => ({
      path: [...path, 'names', service],
      at: 'key',
      message: 'is no service name; wanted letters, digits and ._~-',
    }));
}

/** A mistyped `type` is one of these: the key that it was meant to be is missing, and says so too. */
function unknownKeyFindings(path: Path, entry: z.output<typeof untypedOutline>): Finding[] {
  return Object.keys(entry)
    .filter((key) => !REGISTRY_KEYS.includes(key))
    .map((key) => ({
      path: [...path, key],
      about: path,
      at: 'key',
      message: unknownKey(key, REGISTRY_KEYS),
    }));
}
