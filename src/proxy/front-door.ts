import { METHODS, type Server } from 'node:http';
import { type FastifyInstance, fastify } from 'fastify';
import { formatAddress } from '../core/address.js';
import { systemCode, WatchgateError } from '../core/errors.js';
import { answerClientError, refuseConnect } from './client-error.js';
import type { ProxyContext } from './context.js';
import { handleRequest } from './handler.js';
import { acceptUpgrades } from './upgrade.js';

/** Durations in milliseconds, sizes in bytes. */
export interface FrontDoorLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  readonly maxHeaderSize: number;
  readonly maxConnections: number;
}

/** The listener where clients come in. */
export interface FrontDoor {
  /** `host:port` as bound. */
  readonly address: string;
  /** Stops listening; resolves when the last connection has closed. */
  stop(): Promise<void>;
  /** Breaks off what is still open. */
  breakOff(): void;
}

/**
 * Sends every request under the instance's prefix to the gateway. The reply is hijacked in the last
 * hook before Fastify would parse a body, so that plugins registered at the edge have had their say
 * and the body is still untouched.
 */
export function mountGateway(app: FastifyInstance, context: ProxyContext): void {
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method))
      app.addHttpMethod(method, { hasBody: true });
  }
  app.route({
    method: app.supportedMethods,
    url: '/*',
    preParsing: (request, reply, _payload, done) => {
      reply.hijack();
      handleRequest(context, request.raw, reply.raw);
      done();
    },
    handler: () => undefined,
  });
}

/** Opens the listener. Throws PORT_TAKEN or LISTEN_FAILED naming the address. */
export async function openFrontDoor(
  listen: { readonly host: string; readonly port: number },
  limits: FrontDoorLimits,
  context: ProxyContext,
): Promise<FrontDoor> {
  const app = buildServer(limits, context);
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    await app.close();
    throw listenError(error, `${listen.host}:${listen.port}`, 'listen');
  }
  const bound = app.server.address();
  return {
    address: bound === null || typeof bound === 'string' ? '' : formatAddress(bound.address, bound.port),
    stop: async () => {
      await app.close();
    },
    breakOff: () => app.server.closeAllConnections(),
  };
}

function buildServer(limits: FrontDoorLimits, context: ProxyContext): FastifyInstance {
  const app = fastify({
    logger: false,
    // While draining, requests are still served; Fastify would answer them itself.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    exposeHeadRoutes: false,
    routerOptions: { querystringParser: () => ({}) },
    http: {
      headersTimeout: limits.headersTimeout,
      maxHeaderSize: limits.maxHeaderSize,
      connectionsCheckingInterval: 5_000,
      // The handler refuses a missing Host itself, with the gateway's own answer.
      requireHostHeader: false,
      insecureHTTPParser: false,
      noDelay: true,
    },
    clientErrorHandler: (error, socket) => answerClientError(context, error, socket),
    // A path that the router cannot decode is refused by the handler, like any other bad path.
    frameworkErrors: (_error, request, reply) => {
      reply.hijack();
      handleRequest(context, request.raw, reply.raw);
    },
  });
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    handleRequest(context, request.raw, reply.raw);
  });
  mountGateway(app, context);
  tuneServer(app.server, limits, context);
  return app;
}

function tuneServer(server: Server, limits: FrontDoorLimits, context: ProxyContext): void {
  server.maxConnections = limits.maxConnections;
  server.maxRequestsPerSocket = 0;
  // Node would leave out what is beyond, without a word; maxHeaderSize is the bound.
  server.maxHeadersCount = 0;
  // `100 Continue` is sent by the handler, once it has accepted the request.
  server.on('checkContinue', (request, response) => {
    if (request.httpVersionMinor > 0) context.awaitingContinue.add(request);
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  acceptUpgrades(server, context);
  refuseConnect(server, context);
}

/** What a failed `listen` means to whoever set the address. */
export function listenError(error: unknown, address: string, setting: string): WatchgateError {
  if (systemCode(error) === 'EADDRINUSE') {
    return new WatchgateError('PORT_TAKEN', `${setting}: ${address} is already in use by another process`, {
      cause: error,
    });
  }
  return new WatchgateError(
    'LISTEN_FAILED',
    `${setting}: cannot listen on ${address} (${systemCode(error) ?? 'unknown'})`,
    {
      cause: error,
    },
  );
}
