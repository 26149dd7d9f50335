import type { Logger } from 'pino';
import type { EventHub, MembershipChange } from '../core/events.js';

/** One line for each endpoint that joined, left, changed, was ejected or returned. Returns the function that stops it. */
export function logMembership(hub: EventHub, parent: Logger): () => void {
  // Thousands of lines can come at once, and looking for names of secrets doubles their cost; these have names of ours alone.
  const logger = parent.child({}, { redact: [] });
  const stops = [
    hub.on('health', (event) =>
      logger.warn(
        {
          service: event.service,
          address: event.address,
          key: event.key,
          change: event.change,
          reason: event.reason,
          revision: event.revision,
          ...(event.lease !== undefined && { lease: event.lease }),
          applied_ms: Math.round(event.appliedMs * 1000) / 1000,
          eligible_left: event.eligibleLeft,
          ...(event.worker !== undefined && { worker: event.worker }),
        },
        `endpoint ${event.change}`,
      ),
    ),
    hub.on('membership', (event) => {
      const line = {
        source: event.source,
        service: event.service,
        address: event.address,
        key: event.key,
        change: event.change,
        state: event.state,
        cause: event.cause,
        ...(event.reason !== undefined && { reason: event.reason }),
        revision: event.revision,
        ...(event.lease !== undefined && { lease: event.lease }),
        ...(event.appliedMs !== undefined && { applied_ms: Math.round(event.appliedMs * 1000) / 1000 }),
        endpoints_left: event.endpointsLeft,
      };
      if (deservesAttention(event)) logger.warn(line, `endpoint ${event.change}`);
      else logger.info(line, `endpoint ${event.change}`);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** A service without endpoints answers 503; an endpoint held by the guard means a registry in doubt. */
function deservesAttention({ endpointsLeft, cause }: MembershipChange): boolean {
  return endpointsLeft === 0 || cause === 'held';
}
