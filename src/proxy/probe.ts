import { connect } from 'node:net';
import { Client } from 'undici';
import type { Clock } from '../core/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import type { HealthCheckPolicy } from '../core/route.js';
import { openSocket } from '../upstream/socket.js';

export interface ProbeTools {
  readonly clock: Clock;
  /** Whether the gateway may connect to this IP address. */
  readonly allows: (ip: string) => boolean;
}

/** Asks one endpoint, again and again, whether it is well. */
export interface Probe {
  /** Resolves to the answer; never rejects. One at a time. */
  check(): Promise<boolean>;
  /** Closes its connection. */
  close(): void;
}

/** Passes when a TCP connection can be made within `timeoutMs`. */
export function tcpProbe(endpoint: Endpoint, timeoutMs: number, { clock, allows }: ProbeTools): Probe {
  return {
    check: () =>
      new Promise((resolve) => {
        const socket = connect({ host: endpoint.host, port: endpoint.port });
        const timer = clock.after(timeoutMs, () => finish(false));
        const finish = (passed: boolean): void => {
          timer.cancel();
          socket.destroy();
          resolve(passed);
        };
        socket.on('error', () => finish(false));
        socket.once('connect', () => finish(allows(socket.remoteAddress ?? '')));
      }),
    close: () => undefined,
  };
}

/** Passes when a GET of the policy's path is answered with an expected status. Keeps its connection. */
export function httpProbe(
  endpoint: Endpoint,
  policy: HealthCheckPolicy,
  { clock, allows }: ProbeTools,
): Probe {
  const options = { clock, allows, timeoutMs: () => policy.timeout };
  const client = new Client(`http://${endpoint.address}`, {
    connect(_address, callback) {
      const socket = openSocket(endpoint, options, (failure) =>
        failure === undefined ? callback(null, socket) : callback(failure, null),
      );
    },
    pipelining: 1,
  });
  return {
    async check() {
      const stop = new AbortController();
      const timer = clock.after(policy.timeout, () => stop.abort());
      try {
        const { statusCode, body } = await client.request({
          method: 'GET',
          path: policy.path,
          headers: { host: policy.hostHeader ?? endpoint.address, 'user-agent': 'watchgate-health' },
          signal: stop.signal,
        });
        await body.dump();
        return statusCode >= policy.expect.from && statusCode <= policy.expect.to;
      } catch {
        return false;
      } finally {
        timer.cancel();
      }
    },
    close: () => client.destroy(() => undefined),
  };
}
