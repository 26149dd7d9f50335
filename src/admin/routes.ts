import type { FastifyInstance } from 'fastify';
import { parseAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import type { RecorderView } from '../core/recorded.js';
import type { GatewayActions, GatewayViews, JournalView, ServiceView } from '../core/views.js';
import { answerExplain } from './explain.js';
import { AdminProblem } from './problems.js';
import { readJournalQuery } from './queries.js';
import type { EventStream } from './stream.js';
import { answerWhy } from './why.js';

export interface AdminParts {
  readonly views: GatewayViews;
  readonly actions: GatewayActions;
  /** Brings the views of services and what is remembered of requests up to date. */
  readonly refresh: () => Promise<void>;
  readonly journal: JournalView;
  readonly recorder: RecorderView;
  readonly metricsText: () => Promise<string>;
  readonly stream: EventStream;
  readonly clock: Clock;
}

interface EndpointParams {
  readonly name: string;
  readonly address: string;
}

const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/** The probes, the metrics and the JSON API. */
export function registerRoutes(app: FastifyInstance, parts: AdminParts): void {
  registerProbes(app, parts);
  registerReads(app, parts);
  registerVerbs(app, parts);
}

function registerProbes(app: FastifyInstance, { views, metricsText }: AdminParts): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const readiness = views.readiness();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  app.get('/metrics', async (_request, reply) => reply.type(PROMETHEUS_TEXT).send(await metricsText()));
}

function registerReads(
  app: FastifyInstance,
  { views, refresh, journal, recorder, stream, clock }: AdminParts,
): void {
  app.get('/api/routes', async () => views.routes());
  app.get('/api/config', async () => views.config());
  app.get('/api/registry', async () => views.registries());
  app.get('/api/services', async () => {
    await refresh();
    return views.services();
  });
  app.get<{ Params: { name: string } }>('/api/services/:name', async ({ params }) => {
    await refresh();
    return knownService(views, params.name);
  });
  app.get<{ Querystring: Record<string, unknown> }>('/api/events', async ({ query }) =>
    journal.entries(readJournalQuery(query)),
  );
  app.get<{ Querystring: Record<string, unknown> }>('/api/explain', async ({ query }) =>
    answerExplain(views, journal, query, clock.now()),
  );
  app.get<{ Querystring: Record<string, unknown> }>('/api/why', async ({ query }) => {
    await refresh();
    return answerWhy(recorder, journal, query);
  });
  // A HEAD would open a stream that nobody reads.
  app.get('/api/stream', { exposeHeadRoute: false }, async (_request, reply) => {
    stream.add(reply.raw);
    reply.hijack();
  });
}

function registerVerbs(app: FastifyInstance, { views, actions, refresh }: AdminParts): void {
  for (const verb of ['drain', 'undrain'] as const) {
    app.post<{ Params: EndpointParams }>(
      `/api/services/:name/endpoints/:address/${verb}`,
      async ({ params: { name, address } }) => {
        await refresh();
        knownService(views, name);
        const canonical = readAddress(address);
        if (!(await actions[verb](name, canonical))) throw unknownEndpoint(name, canonical);
        const endpoint = views.service(name)?.endpoints.find((one) => one.address === canonical);
        return { service: name, address: canonical, state: endpoint?.state ?? null };
      },
    );
  }
  app.post('/api/reload', async () => {
    const errors = await actions.reload();
    if (errors.length > 0) {
      throw new AdminProblem('CONFIG_INVALID', 'The configuration was refused; the old one stays.', {
        errors,
      });
    }
    return { generation: views.config().generation };
  });
}

function knownService(views: GatewayViews, name: string): ServiceView {
  const service = views.service(name);
  if (service === undefined) throw new AdminProblem('UNKNOWN_SERVICE', `There is no service "${name}".`);
  return service;
}

function readAddress(text: string): string {
  const address = parseAddress(text);
  if (typeof address === 'string') throw new AdminProblem('BAD_REQUEST', `The address "${text}" ${address}.`);
  return address.text;
}

function unknownEndpoint(service: string, address: string): AdminProblem {
  return new AdminProblem('UNKNOWN_ENDPOINT', `The service "${service}" has no endpoint ${address}.`);
}
