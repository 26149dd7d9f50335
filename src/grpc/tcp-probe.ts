import { connect } from 'node:net';
import type { Clock } from '../core/clock.js';
import type { ServerAddress } from './resolution.js';

/** Whether a connection is accepted in time. Never rejects. */
export function acceptsConnections(
  { host, port }: ServerAddress,
  withinMs: number,
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (accepted: boolean): void => {
      timer.cancel();
      socket.destroy();
      resolve(accepted);
    };
    const timer = clock.after(withinMs, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
