import { connect } from 'node:net';
import type { buildConnector } from 'undici';
import type { Clock } from '../core/clock.js';
import { InterimFilter } from './interim-filter.js';

/** A connection could not be made in time. */
export class ConnectTimeout extends Error {
  readonly code = 'WATCHGATE_CONNECT_TIMEOUT';
}

/** Refused by `allowedAddresses` after the name was resolved. */
export class AddressRefused extends Error {
  readonly code = 'WATCHGATE_ADDRESS_REFUSED';
}

export interface ConnectorOptions {
  readonly timeoutMs: () => number;
  readonly clock: Clock;
  /** Whether the gateway may connect to this IP address; asked for resolved names too. */
  readonly allows: (ip: string) => boolean;
}

/** A connector for one undici Client, with the filter of the connection it made last. */
export interface Connector {
  readonly connect: buildConnector.connector;
  filter(): InterimFilter | undefined;
  /** Whether the endpoint reset the connection made last. */
  wasReset(): boolean;
}

/**
 * Connects over TCP without delay, with keep-alive probes, within the time allowed. The address is
 * checked once more when it is known, because a name may resolve to anything.
 */
export function createConnector(options: ConnectorOptions): Connector {
  let filter: InterimFilter | undefined;
  let reset = false;
  return {
    filter: () => filter,
    wasReset: () => reset,
    connect({ hostname, port }, callback) {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true, keepAlive: true });
      const timer = options.clock.after(options.timeoutMs(), () =>
        finish(new ConnectTimeout('connect timeout')),
      );
      const finish = (failure: Error | undefined): void => {
        timer.cancel();
        socket.removeAllListeners('error').removeAllListeners('connect').removeAllListeners('lookup');
        if (failure === undefined) {
          // Ahead of undici's own listener, which takes a reset for the end of an unframed body.
          socket.on('error', () => {
            reset = true;
          });
          callback(null, socket);
          return;
        }
        socket.on('error', () => undefined).destroy();
        callback(failure, null);
      };
      socket.once('error', finish);
      socket.on('lookup', (_error, address) => {
        if (typeof address === 'string' && !options.allows(address))
          finish(new AddressRefused('address refused'));
      });
      socket.once('connect', () => {
        filter = new InterimFilter(socket);
        reset = false;
        finish(undefined);
      });
    },
  };
}
