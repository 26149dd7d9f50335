import type { FastifyInstance } from 'fastify';
import { AdminProblem } from './problems.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * Notes which methods each path takes. The function returned, called once all routes are there, makes the
 * other methods of those paths answer 405 with `Allow` (RFC 9110 section 15.5.6) instead of 404.
 */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = taken.get(url) ?? new Set();
    taken.set(url, methods);
    for (const one of [method].flat()) methods.add(one);
  });
  return () => {
    for (const [url, methods] of [...taken]) {
      const allow = [...methods].sort().join(', ');
      app.route({
        url,
        method: METHODS.filter((method) => !methods.has(method)),
        handler: (_request, reply) => {
          void reply.header('allow', allow);
          throw new AdminProblem('METHOD_NOT_ALLOWED', `This path takes ${allow}.`);
        },
      });
    }
  };
}
