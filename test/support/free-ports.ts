import { once } from 'node:events';
import { createServer } from 'node:net';
import { randomBelow, systemRandom } from '../../src/core/random.js';

/** Above 10080, to which `fetch` makes no connections. */
const LOWEST = 10_100;
const HIGHEST = 32_000;

/** Those drawn before, also when somebody listened there. */
const drawn = new Set<number>();

/**
 * Ports of 127.0.0.1 that nobody listens on, for what must know its port beforehand or come back to it. They lie below
 * those of `/proc/sys/net/ipv4/ip_local_port_range`, from which the kernel takes the ports of listeners on port 0 and of
 * outgoing connections: one of those, once free, may be given to any other process. Test processes run side by side, so
 * ports are drawn at random and not in turn; none is given out twice in one process.
 */
export function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, freePort));
}

/** One of `freePorts`. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + randomBelow(systemRandom, HIGHEST - LOWEST + 1);
    if (drawn.has(port)) continue;
    drawn.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  }
  await once(server.close(), 'close');
  return true;
}
