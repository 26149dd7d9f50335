import type { Cause } from '../core/causes.js';
import type { Clock } from '../core/clock.js';
import type { Announce } from '../core/events.js';
import type { RouteRule } from '../core/route.js';
import type { TraceSampler } from '../core/tracing.js';
import type { Turn } from '../core/turn.js';
import type { RouteTable } from '../routing/table.js';
import type { TrustedProxies } from './client-address.js';
import type { ClientRequest, ClientSocket } from './client-side.js';
import type { Service } from './service.js';
import type { RandomHex } from './trace-context.js';
import type { Tunnels } from './tunnel.js';

/** What one generation of the configuration means to the data path; replaced whole, never edited. */
export interface Generation {
  readonly table: RouteTable<RouteRule>;
  readonly proxies: TrustedProxies;
}

/** A request under way, as far as a failure of its connection concerns it. */
export interface UnderWay {
  /** What the client sent next cannot be read. False when the request is over already. */
  clientFailed(cause: Cause): boolean;
}

/** What every request is served with. */
export interface ProxyContext {
  readonly clock: Clock;
  /** For the time limits of requests. */
  readonly deadlineClock: Clock;
  readonly announce: Announce;
  readonly randomHex: RandomHex;
  /** Undefined while tracing is off. */
  readonly sampler: TraceSampler | undefined;
  /** When what is small and whole is written. */
  readonly turn: Turn;
  readonly tunnels: Tunnels;
  /** Client connections on which nothing more is served. */
  readonly closing: WeakSet<ClientSocket>;
  /** Requests whose `100 Continue` has been left to the handler. */
  readonly awaitingContinue: WeakSet<ClientRequest>;
  /** The newest generation; a request keeps the one it began with. */
  current(): Generation;
  serviceOf(rule: RouteRule): Service;
  /** While true requests are refused, because the gateway cannot keep up. */
  overloaded(): boolean;
  /** While true every response closes its connection. */
  draining(): boolean;
}
