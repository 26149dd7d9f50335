import * as z from 'zod';
import { addressRange, hostPattern, listenAddress, serviceRef } from './network-scalars.js';
import { policySchema, requestOptions } from './policy-schema.js';
import { registrySchema } from './registry-schema.js';
import {
  duration,
  flag,
  oneOf,
  pathPrefix,
  scalar,
  size,
  text,
  wholeNumber,
  workerCount,
} from './scalars.js';
import { section } from './section.js';

export const routeSchema = section({
  prefix: pathPrefix().meta({ description: 'Path prefix; matches whole segments. / matches every path.' }),
  host: hostPattern()
    .optional()
    .meta({ description: 'Host to match: exact, or *.domain for any name below it. Any host when absent.' }),
  service: serviceRef().meta({
    description:
      'Service that answers, as registered; goods@dc2 for one of another registry, goods?tag=v2 for a part of one in Consul.',
  }),
  stripPrefix: flag().prefault(false).meta({ description: 'Forwards the path without the prefix.' }),
  rewritePrefix: pathPrefix()
    .optional()
    .meta({ description: 'Forwards the path with this in place of the prefix.' }),
  ...requestOptions,
});

const serverSchema = section({
  headersTimeout: duration()
    .prefault('15s')
    .meta({ description: 'Longest time a client may take to send the head of a request.' }),
  receiveTimeout: duration({ orNone: true }).prefault('300s').meta({
    description:
      'Longest time a client may take to send one whole request, body included; it bounds uploads, not responses. none for no limit.',
  }),
  keepAliveTimeout: duration().prefault('75s').meta({
    description:
      'How long an idle client connection is kept. Must be above the idle time of a load balancer in front.',
  }),
  maxHeaderSize: size({ least: 1024, most: 1024 ** 2 })
    .prefault('16KiB')
    .meta({ description: 'Largest head of a request.' }),
  maxEventLoopLag: duration({ orNone: true }).prefault('1s').meta({
    description:
      'How far the gateway may fall behind its own timers before it answers 503 at once. none for never.',
  }),
  maxConnections: wholeNumber(1, 1_000_000, { orNone: true })
    .prefault('none')
    .meta({ description: 'Most client connections at once, to each address. none for no limit.' }),
  maxConcurrentStreams: wholeNumber(1, 10_000)
    .prefault(250)
    .meta({ description: 'Most requests at once on one connection of HTTP/2.' }),
});

const tlsSchema = section({
  listen: listenAddress().prefault('0.0.0.0:8443').meta({ description: 'Where clients come in over TLS.' }),
  cert: text('a path').meta({ description: 'PEM file of the certificate, with the chain above it.' }),
  key: text('a path').meta({ description: 'PEM file of the private key of cert.' }),
  minVersion: scalar<'1.2' | '1.3'>(
    '1.2 or 1.3',
    { type: ['string', 'number'], enum: ['1.2', '1.3', 1.2, 1.3] },
    (value) => {
      const version = String(value);
      return version === '1.2' || version === '1.3' ? { value: version } : undefined;
    },
  )
    .prefault('1.2')
    .meta({ description: 'Least version of TLS.' }),
});

/** The whole of routes.yaml, after `${NAME}` was replaced. Every rule that one value can break alone. */
export const documentSchema = section({
  listen: listenAddress().prefault('0.0.0.0:8080').meta({ description: 'Where clients come in.' }),
  tls: tlsSchema.optional().meta({
    description: 'A second address, for TLS. The files are followed: a renewed certificate is taken at once.',
  }),
  admin: listenAddress()
    .prefault('127.0.0.1:9901')
    .meta({ description: 'Where the API, the dashboard, /metrics, /healthz and /readyz are.' }),
  adminToken: text('a token')
    .optional()
    .meta({ description: 'Bearer token that every admin call but the probes and /metrics needs.' }),
  workers: workerCount(256)
    .prefault(1)
    .meta({ description: 'How many processes serve the clients: a number, or auto for one to each core.' }),
  registry: registrySchema
    .optional()
    .meta({ description: 'Where services register. Without it, the embedded registry on 127.0.0.1:2379.' }),
  registries: z
    .record(z.string(), registrySchema)
    .optional()
    .meta({ description: 'Several registries by name, in place of registry.' }),
  routes: z
    .array(routeSchema)
    .prefault([])
    .meta({ description: 'Which requests go to which service. The order does not matter.' }),
  autoRoutes: flag().prefault(false).meta({ description: 'Serves every registered service at /<service>.' }),
  defaults: policySchema
    .optional()
    .meta({ description: 'Policy of every service and route that says nothing else.' }),
  services: z
    .record(z.string(), policySchema.optional())
    .prefault({})
    .meta({ description: 'Policy by service name.' }),
  trustedProxies: z
    .array(addressRange())
    .prefault([])
    .meta({ description: 'Peers whose X-Forwarded-* and Forwarded are believed.' }),
  allowedAddresses: z.array(addressRange()).optional().meta({
    description:
      'The only addresses that the registry may send the gateway to. Without it, all but link-local and metadata addresses.',
  }),
  staleTtl: duration({ least: 0 }).prefault('60s').meta({
    description:
      'How long endpoints stay in use that a registry lost all at once, while they answer probes. 0 believes every loss at once.',
  }),
  stateDir: text('a path').optional().meta({
    description:
      'Folder in which the gateway keeps what the registries list, to start from when one cannot be reached.',
  }),
  maxSnapshotAge: duration().prefault('1h').meta({
    description: 'How old what it finds there may be, counted from when the registry last confirmed it.',
  }),
  accessLog: oneOf(['all', 'errors', 'off'])
    .prefault('all')
    .meta({ description: 'Which requests are logged.' }),
  logLevel: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .meta({ description: 'Least level that is logged.' }),
  drainDelay: duration({ least: 0 }).prefault('5s').meta({
    description: 'How long the gateway still takes requests after SIGTERM, while load balancers notice.',
  }),
  drainTimeout: duration({ least: 0 })
    .prefault('30s')
    .meta({ description: 'How long requests in flight may then take to finish.' }),
  server: serverSchema.prefault({}).meta({ description: 'Limits on client connections.' }),
});

/** A valid document: defaults filled in, durations in milliseconds, sizes in bytes. */
export type RoutesDocument = z.output<typeof documentSchema>;
export type RouteEntry = z.output<typeof routeSchema>;
export type PolicyEntry = z.output<typeof policySchema>;
export type RegistryEntry = z.output<typeof registrySchema>;
