import type { FastifyInstance, FastifyReply } from 'fastify';
import type { GatewayViews } from '../../core/views.js';
import { takeSnapshot } from '../snapshot.js';
import { type Bundle, NO_BUNDLE, readBundle } from './bundle.js';
import { renderLockedPage, renderPage } from './page.js';

let loaded: Bundle | undefined;

/** Read when the page is first asked for; tried again while a build is putting it there. */
function bundle(): Bundle {
  loaded ??= readBundle();
  return loaded ?? NO_BUNDLE;
}

export function registerDashboard(
  app: FastifyInstance,
  views: GatewayViews,
  refresh: () => Promise<void>,
): void {
  app.get('/', async (_request, reply) => {
    await refresh();
    return sendPage(reply, renderPage(bundle(), takeSnapshot(views)));
  });
}

/** What a browser without the token gets in place of the page. The status has been set. */
export function sendLockedPage(reply: FastifyReply): FastifyReply {
  return sendPage(reply, renderLockedPage(bundle()));
}

function sendPage(reply: FastifyReply, page: string): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', bundle().contentSecurityPolicy)
    .send(page);
}
