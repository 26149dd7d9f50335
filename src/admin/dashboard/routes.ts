import type { FastifyInstance, FastifyReply } from 'fastify';
import type { GatewayViews } from '../../core/views.js';
import { takeSnapshot } from '../stream.js';
import { CONTENT_SECURITY_POLICY, renderLockedPage, renderPage } from './page.js';

const HTML = 'text/html; charset=utf-8';

export function registerDashboard(app: FastifyInstance, views: GatewayViews): void {
  app.get('/', async (_request, reply) =>
    reply
      .type(HTML)
      .header('content-security-policy', CONTENT_SECURITY_POLICY)
      .send(renderPage(takeSnapshot(views))),
  );
}

/** What a browser without the token gets in place of the page. The status has been set. */
export function sendLockedPage(reply: FastifyReply): FastifyReply {
  return reply.type(HTML).header('content-security-policy', CONTENT_SECURITY_POLICY).send(renderLockedPage());
}
