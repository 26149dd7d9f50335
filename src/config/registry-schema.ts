import * as z from 'zod';
import { DEFAULT_PREFIX, normalizePrefix } from '../core/registration.js';
import { SCHEMA_CHOICES } from '../core/schema-names.js';
import { dnsName, dnsServer, listenAddress, memberUrl } from './network-scalars.js';
import { oneOf, scalar, shown, text, textOrNone } from './scalars.js';
import { section } from './section.js';

const keyPrefix = scalar('a key prefix such as /services', { type: 'string' }, (value) =>
  typeof value === 'string' ? { value: normalizePrefix(value) } : undefined,
)
  .prefault(DEFAULT_PREFIX)
  .meta({
    description:
      'Where the keys of the services begin; taken as it is, with or without a leading slash. Empty for the whole registry.',
  });

const keySchema = oneOf(SCHEMA_CHOICES)
  .prefault('auto')
  .meta({ description: 'How services write their keys and values. auto recognises each key on its own.' });

/** A list, or one text with commas, so that one environment variable can name a whole cluster. */
function listOf<T extends z.ZodType>(item: T, atLeastOne: string) {
  return z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
      z.array(item).min(1, atLeastOne),
    )
    .meta({
      writtenAs: [
        { type: 'array', items: { type: 'string' }, minItems: 1 },
        { type: 'string', minLength: 1 },
      ],
    });
}

const members = listOf(
  memberUrl('an etcd address such as http://127.0.0.1:2379'),
  'must name at least one member',
).meta({
  description: 'Addresses of the etcd members: a list, or one text with commas between them.',
});

const tls = section({
  ca: text('a path')
    .optional()
    .meta({ description: "PEM file of the authority that signed the members' certificates." }),
  cert: text('a path')
    .optional()
    .meta({ description: "PEM file of the gateway's own certificate; needs key." }),
  key: text('a path').optional().meta({ description: 'PEM file of the private key of cert.' }),
});

const etcd = section({
  type: z.literal('etcd').meta({ description: 'An etcd v3 cluster.' }),
  endpoints: members,
  prefix: keyPrefix,
  schema: keySchema,
  username: textOrNone('a user name')
    .optional()
    .meta({ description: 'etcd user. An empty value means none, and so does a variable that is not set.' }),
  password: textOrNone('a password')
    .optional()
    .meta({ description: 'Password of username. Empty or not set like username.' }),
  tls: tls
    .optional()
    .meta({ description: 'For https:// endpoints; without it the authorities of the system are trusted.' }),
});

const agents = listOf(
  memberUrl('an agent of Consul such as http://127.0.0.1:8500'),
  'must name at least one agent',
).meta({
  description: 'Addresses of Consul agents: a list, or one text with commas between them.',
});

const consul = section({
  type: z.literal('consul').meta({ description: 'A datacenter of Consul.' }),
  endpoints: agents,
  datacenter: textOrNone('the name of a datacenter')
    .optional()
    .meta({ description: 'The datacenter; an empty value means that of the agent.' }),
  token: textOrNone('a token').optional().meta({
    description:
      'ACL token, with service:read and node:read. An empty value means none, and so does a variable that is not set.',
  }),
  tls: tls
    .optional()
    .meta({ description: 'For https:// endpoints; without it the authorities of the system are trusted.' }),
});

const embedded = section({
  type: z.literal('embedded').meta({
    description: 'An in-memory registry inside the gateway, for one machine. Speaks the etcd v3 API.',
  }),
  listen: listenAddress({ loopbackOnly: true })
    .prefault('127.0.0.1:2379')
    .meta({ description: 'Loopback address that it listens on.' }),
  prefix: keyPrefix,
  schema: keySchema,
});

const dns = section({
  type: z.literal('dns').meta({ description: 'Names of DNS, asked for as their TTLs say.' }),
  servers: listOf(dnsServer(), 'must name at least one server').optional().meta({
    description:
      'IP addresses of the DNS servers, with a port unless it is 53: a list, or one text with commas between them. Without it, those of the system.',
  }),
  names: z.record(z.string(), dnsName()).meta({
    description:
      'By service, the name that lists its endpoints: without a port its SRV records, with one its addresses at that port.',
  }),
  family: oneOf(['any', 'ipv4', 'ipv6'])
    .prefault('any')
    .meta({ description: 'Which addresses are asked for.' }),
});

const file = section({
  type: z.literal('file').meta({ description: 'A YAML or JSON file of endpoints, followed as it changes.' }),
  path: text('a path').meta({
    description: 'The file; a relative path is relative to the working directory.',
  }),
});

/** Another type of registry is one more member of this list; settings.ts and the gateway follow from its type. */
const kinds = [etcd, consul, dns, file, embedded] as const;

export const registrySchema = z.discriminatedUnion('type', kinds, {
  error: (issue) => (issue.code === 'invalid_union' ? unknownType(issue.input) : undefined),
});

/** Every key that a registry of some type has. */
export const REGISTRY_KEYS: readonly string[] = [
  ...new Set(kinds.flatMap(({ shape }) => Object.keys(shape))),
];

export const REGISTRY_TYPES: readonly string[] = kinds.flatMap(({ shape }) => [...shape.type.values]);

/** Whose empty value means none. Not adminToken: where that is missing, everybody is let in. */
const CREDENTIALS: readonly string[] = ['username', 'password', 'token'];

/**
 * Whether a variable that is not set, as the whole value at these keys, means none: a file that is the same for
 * registries with and without a password need not give each a default.
 */
export function mayBeUnset(keys: readonly string[]): boolean {
  const [first, ...rest] = keys;
  if (first === 'registries') rest.shift();
  else if (first !== 'registry') return false;
  const [option = '', ...deeper] = rest;
  return deeper.length === 0 && CREDENTIALS.includes(option);
}

const WANTED_TYPE = `wanted one of ${REGISTRY_TYPES.join(', ')}`;

function unknownType(registry: unknown): string {
  const type =
    typeof registry === 'object' && registry !== null && 'type' in registry ? registry.type : undefined;
  if (type === undefined) return `missing; ${WANTED_TYPE}`;
  return `${WANTED_TYPE}, got ${shown(type)}`;
}
