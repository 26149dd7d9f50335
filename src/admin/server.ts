import { isIP } from 'node:net';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { formatAddress } from '../core/address.js';
import { type Clock, systemClock } from '../core/clock.js';
import { messageOf, systemCode, WatchgateError } from '../core/errors.js';
import type { RecorderView } from '../core/recorded.js';
import type { GatewayActions, GatewayViews, JournalView } from '../core/views.js';
import { registerDashboard, sendLockedPage } from './dashboard/routes.js';
import { adminGuard, pathOf } from './guard.js';
import { refuseOtherMethods } from './methods.js';
import { AdminProblem } from './problems.js';
import { registerRoutes } from './routes.js';
import { EventStream, STREAM_LIMITS, type StreamLimits } from './stream.js';

export interface AdminSettings {
  readonly listen: { readonly host: string; readonly port: number };
  /** What callers must send; undefined lets everyone in who reaches the port. */
  readonly token?: string | undefined;
  readonly views: GatewayViews;
  readonly actions: GatewayActions;
  /** Brings the views of services up to date, when other processes have to be asked. Must not reject. */
  readonly refresh?: () => Promise<void>;
  readonly journal: JournalView;
  /** Requests that are remembered; none when absent. */
  readonly recorder?: RecorderView;
  /** The metrics in the Prometheus text format. */
  readonly metricsText: () => Promise<string>;
  readonly clock?: Clock;
  readonly streamLimits?: Partial<StreamLimits>;
}

export interface AdminServer {
  /** `http://host:port`, with the port that was given when 0 was asked for. */
  readonly address: string;
  /** Ends every stream and connection. Idempotent. */
  close(): Promise<void>;
}

const NOTHING_RECORDED: RecorderView = { find: () => [], failures: () => [] };

/** Longest service name, `@registry` and percent-encoding included. */
const MAX_PARAM_LENGTH = 1_024;

/**
 * Opens the admin port: probes, metrics, the JSON API, its event stream and the dashboard.
 * Throws PORT_TAKEN or LISTEN_FAILED naming the address.
 */
export async function startAdmin(settings: AdminSettings): Promise<AdminServer> {
  const { listen, views, journal, clock = systemClock, refresh = async () => {} } = settings;
  const stream = new EventStream({
    views,
    refresh,
    journal,
    clock,
    limits: { ...STREAM_LIMITS, ...settings.streamLimits },
  });
  const app = createApp();
  const guard = adminGuard({ token: settings.token, loopback: isLoopback(listen.host) });
  app.addHook('onRequest', async (request) => guard.check(request));
  app.addHook('preClose', async () => stream.close());
  const refuseOthers = refuseOtherMethods(app);
  registerRoutes(app, { recorder: NOTHING_RECORDED, clock: systemClock, ...settings, refresh, stream });
  registerDashboard(app, views, refresh);
  refuseOthers();
  await open(app, listen);
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  return { address: `http://${formatAddress(listen.host, port)}`, close: () => app.close() };
}

function createApp(): FastifyInstance {
  const app = fastify({
    // Connections here are probes and viewers: none is worth waiting for when the gateway stops.
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error, request, reply) => void sendFailure(error, request, reply),
  });
  // The verbs take no body; one that is sent anyway (curl -d '') is read and ignored.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, _body, done) => done(null));
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });
  app.setErrorHandler(sendFailure);
  app.setNotFoundHandler(() => {
    throw new AdminProblem('NOT_FOUND', 'There is nothing at this path.');
  });
  return app;
}

function sendFailure(
  error: FastifyError | AdminProblem,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = error instanceof AdminProblem ? error : problemOf(error);
  if (problem.code === 'UNAUTHORIZED') {
    void reply.header('www-authenticate', 'Bearer realm="watchgate"');
    if (isPageView(request)) return sendLockedPage(reply.code(problem.status));
  }
  return reply.code(problem.status).type('application/problem+json').send(problem.body());
}

/** A browser opening the dashboard, which cannot be told to send a header. */
function isPageView(request: FastifyRequest): boolean {
  return pathOf(request) === '/' && (request.headers.accept ?? '').includes('text/html');
}

function problemOf(error: FastifyError): AdminProblem {
  if (error.statusCode === 413) return new AdminProblem('PAYLOAD_TOO_LARGE', 'The body is too large.');
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new AdminProblem('BAD_REQUEST', 'The request is malformed.');
  }
  return new AdminProblem('INTERNAL', 'The gateway could not answer this call.');
}

async function open(app: FastifyInstance, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const where = formatAddress(host, port);
    if (systemCode(error) === 'EADDRINUSE') {
      throw new WatchgateError('PORT_TAKEN', `admin: ${where} is already in use`, { cause: error });
    }
    throw new WatchgateError('LISTEN_FAILED', `admin: cannot listen on ${where}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
