import { METHODS, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { formatAddress } from '../core/address.js';
import type { Cause } from '../core/causes.js';
import { systemCode, WatchgateError } from '../core/errors.js';
import { answerClientError, refuseConnect } from './client-error.js';
import type { ProxyContext } from './context.js';
import { handleRequest } from './handler.js';
import { Http2Sessions } from './http2-sessions.js';
import { BACKLOG, OpenConnections } from './open-connections.js';
import { beginsHttp2, withdraw } from './protocol-sorter.js';
import { type Certificate, TlsListener, type TlsOptions } from './tls-listener.js';
import { acceptUpgrades } from './upgrade.js';

/** Durations in milliseconds, sizes in bytes. */
export interface FrontDoorLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  readonly maxHeaderSize: number;
  readonly maxConnections: number;
  /** Requests at once on one connection of HTTP/2. */
  readonly maxConcurrentStreams: number;
}

export interface FrontDoorOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** A second address, for TLS. */
  readonly tls: TlsOptions | undefined;
  readonly limits: FrontDoorLimits;
}

/** The listeners where clients come in. */
export interface FrontDoor {
  /** `host:port` as bound. */
  readonly address: string;
  /** The same for TLS; undefined without it. */
  readonly tlsAddress: string | undefined;
  /** Shows another certificate to new TLS connections. Throws when it does not belong to the key. */
  setCertificate(certificate: Certificate): void;
  /** Stops listening; resolves when the last connection has closed, and its requests have been recorded. */
  stop(): Promise<void>;
  /** Fails the requests that are still under way, with an answer where that is still possible. */
  failRequests(cause: Cause): void;
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

/**
 * Opens the listeners. Two servers serve the connections of both, Fastify's for HTTP/1.1 and one for HTTP/2: in the
 * clear they are told apart by how they begin, over TLS by what was agreed on. Throws PORT_TAKEN or
 * LISTEN_FAILED naming the address.
 */
export async function openFrontDoor(options: FrontDoorOptions, context: ProxyContext): Promise<FrontDoor> {
  const { listen, tls, limits } = options;
  const http2 = new Http2Sessions(limits, context);
  const takeHttp2 = (socket: Socket): void => http2.take(socket);
  const app = buildServer(limits, context, takeHttp2);
  const { server } = app;
  const open = new OpenConnections(server, context.turn);
  const takeHttp1 = (socket: Socket): boolean => server.emit('connection', socket);
  const secure = tls && new TlsListener(tls, limits, { takeHttp1, takeHttp2 });
  const parts: DoorParts = { app, http2, open, secure };
  try {
    await listening(listen, 'listen', app.listen({ host: listen.host, port: listen.port, backlog: BACKLOG }));
    const tlsBound = tls && (await listening(tls.listen, 'tls.listen', secure?.listen(tls.listen)));
    return {
      address: textOf(app.server.address()),
      tlsAddress: tlsBound && textOf(tlsBound),
      setCertificate: (certificate) => secure?.setCertificate(certificate),
      stop: () => stop(parts),
      failRequests: (cause) => {
        open.failRequests(cause);
        http2.failRequests(cause);
      },
      breakOff: () => breakOff(parts),
    };
  } catch (error) {
    await stop(parts);
    throw error;
  }
}

interface DoorParts {
  readonly app: FastifyInstance;
  readonly http2: Http2Sessions;
  readonly open: OpenConnections;
  readonly secure: TlsListener | undefined;
}

async function stop({ app, http2, open, secure }: DoorParts): Promise<void> {
  open.closeSilent();
  await Promise.all([app.close(), http2.stop(), secure?.stop()]);
  await open.closed();
}

function breakOff({ http2, open, secure }: DoorParts): void {
  http2.breakOff();
  open.destroy();
  secure?.breakOff();
}

async function listening<T>(
  { host, port }: { readonly host: string; readonly port: number },
  setting: string,
  bound: Promise<T> | undefined,
): Promise<T | undefined> {
  try {
    return await bound;
  } catch (error) {
    throw listenError(error, `${host}:${port}`, setting);
  }
}

function textOf(bound: AddressInfo | string | null): string {
  return bound === null || typeof bound === 'string' ? '' : formatAddress(bound.address, bound.port);
}

function buildServer(
  limits: FrontDoorLimits,
  context: ProxyContext,
  takeHttp2: (socket: Socket) => void,
): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: 'idle',
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    http: {
      headersTimeout: limits.headersTimeout,
      maxHeaderSize: limits.maxHeaderSize,
      connectionsCheckingInterval: 5_000,
      // The handler refuses a missing Host itself, with the gateway's own answer.
      requireHostHeader: false,
      insecureHTTPParser: false,
      noDelay: true,
    },
    clientErrorHandler: (error, socket) => {
      if (!beginsHttp2(error, socket)) return answerClientError(context, error, socket);
      withdraw(socket, error);
      takeHttp2(socket);
    },
  });
  tuneServer(app.server, limits, context);
  return app;
}

function tuneServer(server: Server, limits: FrontDoorLimits, context: ProxyContext): void {
  // There are no hooks that Fastify's router would lead to, and every path is the gateway's.
  server.removeAllListeners('request');
  server.on('request', (request, response) => handleRequest(context, request, response));
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
