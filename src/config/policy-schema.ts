import * as z from 'zod';
import { hostHeader } from './network-scalars.js';
import { ejectionSchema, hashKey, healthCheckSchema } from './resilience-schema.js';
import { duration, oneOf, size, wholeNumber } from './scalars.js';
import { section } from './section.js';

/** What holds where `defaults:`, `services:` and the route say nothing. As written in the file. */
const builtInRequest = {
  maxBody: 'none',
  tryTimeout: '30s',
  totalTimeout: '60s',
  idleTimeout: '60s',
  tunnelIdleTimeout: '1h',
  maxAttempts: 3,
  retryOn: [],
  replayBuffer: '64KiB',
  hostHeader: 'keep',
  protocol: 'http',
};

const builtInService = {
  balance: 'least-loaded',
  connectTimeout: '2s',
  keepAlive: '60s',
  client: 'built-in',
  maxConnections: 1024,
  maxWaiting: 1024,
  drainTimeout: '30s',
  tunnelDrainTimeout: '5m',
  hashOn: 'client',
  ejection: {},
  healthCheck: { type: 'none' },
  slowStart: '0s',
  maxInFlight: 'none',
  maxQueue: 1024,
  queueTimeout: '1s',
};

/** An option that a nearer level may override. `builtIn` is published as its default. */
function option<T extends z.ZodType>(schema: T, builtIn: unknown, description: string) {
  return schema.optional().meta({ description, builtIn });
}

const retryStatus = wholeNumber(500, 599);

/** How requests are treated; may stand in `defaults:`, under a service and in a route. */
export const requestOptions = {
  maxBody: option(
    size({ orNone: true }),
    builtInRequest.maxBody,
    'Largest request body. A larger one is answered 413. none for no limit.',
  ),
  tryTimeout: option(
    duration(),
    builtInRequest.tryTimeout,
    'Longest wait for the response head at one endpoint. Then 504 is answered, or, when nothing had been sent, another endpoint tried.',
  ),
  totalTimeout: option(
    duration(),
    builtInRequest.totalTimeout,
    'Longest wait for the response head over all attempts together.',
  ),
  idleTimeout: option(
    duration(),
    builtInRequest.idleTimeout,
    'Longest silence of the endpoint within a response body.',
  ),
  tunnelIdleTimeout: option(
    duration(),
    builtInRequest.tunnelIdleTimeout,
    'Longest silence, in both directions, of a WebSocket or of a server-sent event stream.',
  ),
  maxAttempts: option(
    wholeNumber(1, 10),
    builtInRequest.maxAttempts,
    'Most endpoints tried for one request, the first included. 1 turns retries off.',
  ),
  retryOn: option(
    z.array(retryStatus),
    builtInRequest.retryOn,
    'Response statuses for which an idempotent request is tried at another endpoint, such as [502, 503, 504].',
  ),
  replayBuffer: option(
    size({ most: 64 * 1024 ** 2 }),
    builtInRequest.replayBuffer,
    'How much of a request body is kept for another attempt. A request whose body outgrows it is not tried again.',
  ),
  hostHeader: option(
    hostHeader(),
    builtInRequest.hostHeader,
    "The Host that endpoints are sent. keep passes the client's on.",
  ),
  protocol: option(
    oneOf(['http', 'grpc']),
    builtInRequest.protocol,
    'What endpoints are sent: HTTP/1.1, or with grpc HTTP/2, which clients then must speak too.',
  ),
};

/** How the endpoints of a service are used; may stand in `defaults:` and under a service. */
export const serviceOptions = {
  balance: option(
    oneOf(['random', 'round-robin', 'least-loaded', 'peak-ewma', 'consistent-hash']),
    builtInService.balance,
    'How an endpoint is chosen. least-loaded takes the less busy of two drawn at random, peak-ewma the quicker one, consistent-hash always the same one for the same hashOn.',
  ),
  connectTimeout: option(
    duration(),
    builtInService.connectTimeout,
    'Longest wait for a connection to an endpoint. Then another endpoint is tried.',
  ),
  client: option(
    oneOf(['built-in', 'undici']),
    builtInService.client,
    'The HTTP/1.1 client that speaks to endpoints. The built-in one is the cheaper; WebSockets always use undici.',
  ),
  keepAlive: option(
    duration(),
    builtInService.keepAlive,
    'How long an idle connection to an endpoint is kept for the next request.',
  ),
  maxConnections: option(
    wholeNumber(1, 65_535),
    builtInService.maxConnections,
    'Most connections to one endpoint at once.',
  ),
  maxWaiting: option(
    wholeNumber(0, 1_000_000),
    builtInService.maxWaiting,
    'Most requests that wait for one of those connections. One more is answered 503.',
  ),
  drainTimeout: option(
    duration({ least: 0 }),
    builtInService.drainTimeout,
    'How long requests in flight may take to finish at an endpoint that has left the registry.',
  ),
  tunnelDrainTimeout: option(
    duration({ least: 0 }),
    builtInService.tunnelDrainTimeout,
    'The same for WebSockets and event streams, which seldom finish by themselves.',
  ),
  hashOn: option(
    hashKey(),
    builtInService.hashOn,
    'What consistent-hash tells requests apart by: client, header:NAME or cookie:NAME.',
  ),
  ejection: option(
    ejectionSchema,
    builtInService.ejection,
    'When endpoints are taken out by how their attempts end.',
  ),
  healthCheck: option(
    healthCheckSchema,
    builtInService.healthCheck,
    'How endpoints are asked whether they are well.',
  ),
  slowStart: option(
    duration({ least: 0 }),
    builtInService.slowStart,
    'How long an endpoint that comes back takes to get its full share of requests.',
  ),
  maxInFlight: option(
    wholeNumber(1, 1_000_000, { orNone: true }),
    builtInService.maxInFlight,
    'Most requests of the service at once. none for no limit.',
  ),
  maxQueue: option(
    wholeNumber(0, 1_000_000),
    builtInService.maxQueue,
    'Most requests that wait when maxInFlight is reached. One more is answered 503.',
  ),
  queueTimeout: option(
    duration(),
    builtInService.queueTimeout,
    'Longest wait in that queue, or for a connection when maxConnections is reached. Then 503 is answered.',
  ),
};

export const requestDefaults = z.object(requestOptions).required().parse(builtInRequest);
export const serviceDefaults = z.object(serviceOptions).required().parse(builtInService);

export const policySchema = section({ ...serviceOptions, ...requestOptions });
