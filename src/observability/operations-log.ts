import type { Logger } from 'pino';
import type { EventHub, SourceEvent } from '../core/events.js';

/** How loud each kind is. Drift means that a watch lost an update: a bug, ours or the registry's. */
const SOURCE_LEVELS = {
  connected: 'info',
  disconnected: 'warn',
  relisted: 'info',
  drift: 'error',
  'invalid-value': 'warn',
  fault: 'warn',
  degraded: 'warn',
  confirmed: 'info',
  'cold-start': 'warn',
  snapshot: 'warn',
} as const satisfies Record<SourceEvent['kind'], 'info' | 'warn' | 'error'>;

/** Lines about the registries, the configuration and the certificate. Returns the function that stops them. */
export function logOperations(hub: EventHub, logger: Logger): () => void {
  const stops = [
    hub.on('source', ({ source, kind, detail }) =>
      logger[SOURCE_LEVELS[kind]]({ source, event: kind, detail }, `registry ${kind}`),
    ),
    hub.on('config', ({ generation, ok, detail }) => {
      if (ok) logger.info({ generation, changes: detail }, 'configuration taken');
      else logger.error({ generation, errors: detail }, 'configuration refused, the old one stays');
    }),
    hub.on('certificate', ({ ok, detail, expiresAt }) => {
      const expires = new Date(expiresAt).toISOString();
      if (ok) logger.info({ certificate: detail, expires }, 'certificate taken');
      else logger.error({ error: detail, expires }, 'certificate refused, the old one stays');
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
