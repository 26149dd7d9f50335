import { connect } from 'node:net';
import { Client } from 'undici';
import type { Address } from '../core/address.js';
import { formatAddress } from '../core/address.js';

/** Whether the process can take requests. `signal` aborts when the answer is no longer waited for. */
export type HealthCheck = (signal: AbortSignal) => Promise<boolean>;

/**
 * Passes when `GET path` answers 200 – 399, the rule of Kubernetes' own probes. A connection of its own
 * for each check, since accepting one is part of being healthy.
 */
export function httpCheck(address: Address, path: string): HealthCheck {
  return async (signal) => {
    const client = new Client(`http://${formatAddress(address.host, address.port)}`);
    try {
      const { statusCode, body } = await client.request({ method: 'GET', path, signal });
      await body.dump({ limit: 64 * 1024, signal });
      return statusCode >= 200 && statusCode < 400;
    } catch {
      return false;
    } finally {
      await client.destroy();
    }
  };
}

/** Passes when a connection is accepted. */
export function tcpCheck(address: Address): HealthCheck {
  return (signal) =>
    new Promise((resolve) => {
      const socket = connect({ host: address.host, port: address.port, signal });
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
}
