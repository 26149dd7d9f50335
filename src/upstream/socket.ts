import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { Clock } from '../core/clock.js';

/** A connection could not be made in time. */
export class ConnectTimeout extends Error {
  readonly code = 'WATCHGATE_CONNECT_TIMEOUT';
}

/** Refused by `allowedAddresses` after the name was resolved. */
export class AddressRefused extends Error {
  readonly code = 'WATCHGATE_ADDRESS_REFUSED';
}

export interface SocketOptions {
  readonly timeoutMs: () => number;
  readonly clock: Clock;
  /** Whether the gateway may connect to this IP address; asked for resolved names too. */
  readonly allows: (ip: string) => boolean;
}

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a TCP connection without delay, with keep-alive probes, within the time allowed. The address is
 * checked once more when it is known, because a name may resolve to anything. `done` is called once,
 * with the failure or with undefined; until then, and after a failure, the socket is this function's.
 */
export function openSocket(
  { host, port }: SocketAddress,
  { clock, timeoutMs, allows }: SocketOptions,
  done: (failure: Error | undefined) => void,
  onread?: OnReadOpts,
): Socket {
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    ...(onread === undefined ? {} : { onread }),
  });
  const timer = clock.after(timeoutMs(), () => finish(new ConnectTimeout('connect timeout')));
  const finish = (failure: Error | undefined): void => {
    timer.cancel();
    socket.off('error', finish).off('connect', connected).off('lookup', check).off('close', closed);
    if (failure !== undefined) socket.on('error', () => undefined).destroy();
    done(failure);
  };
  const connected = (): void => finish(undefined);
  // Destroyed by whoever asked for it: the timer must not outlive it.
  const closed = (): void => finish(new Error('closed while connecting'));
  const check = (_error: Error | null, address: string): void => {
    if (typeof address === 'string' && !allows(address)) finish(new AddressRefused('address refused'));
  };
  return socket.on('error', finish).on('connect', connected).on('lookup', check).on('close', closed);
}
