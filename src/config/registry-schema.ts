import * as z from 'zod';
import { DEFAULT_PREFIX, normalizePrefix } from '../core/registration.js';
import { SCHEMA_CHOICES } from '../core/schema-names.js';
import { listenAddress, memberUrl } from './network-scalars.js';
import { oneOf, scalar, shown, text, textOrNone } from './scalars.js';
import { section } from './section.js';

/** Known by name and refused with a clear answer, so that nobody looks for a spelling mistake. */
const TYPES_TO_COME: readonly unknown[] = ['consul', 'dns', 'file'];

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

const member = memberUrl();

/** A list, or one text with commas, so that one environment variable can name a whole cluster. */
const members = z
  .preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(member).min(1, 'must name at least one member'),
  )
  .meta({
    description: 'Addresses of the etcd members: a list, or one text with commas between them.',
    writtenAs: [
      { type: 'array', items: { type: 'string' }, minItems: 1 },
      { type: 'string', minLength: 1 },
    ],
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
    .meta({ description: 'etcd user. An empty value means none.' }),
  password: textOrNone('a password').optional().meta({ description: 'Password of username.' }),
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

/** Another type of registry is one more member of this list; settings.ts and the gateway follow from its type. */
export const registrySchema = z.discriminatedUnion('type', [etcd, embedded], {
  error: (issue) => (issue.code === 'invalid_union' ? unknownType(issue.input) : undefined),
});

function unknownType(registry: unknown): string {
  const type =
    typeof registry === 'object' && registry !== null && 'type' in registry ? registry.type : undefined;
  if (type === undefined) return 'missing; wanted one of etcd, embedded';
  if (TYPES_TO_COME.includes(type))
    return `${type} is not supported by this version; wanted one of etcd, embedded`;
  return `wanted one of etcd, embedded, got ${shown(type)}`;
}
