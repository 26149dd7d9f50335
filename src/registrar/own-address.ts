import { networkInterfaces } from 'node:os';

/** What a process can know about its own addresses; `os.networkInterfaces()` by default. */
export type Interfaces = ReturnType<typeof networkInterfaces>;

/**
 * The host under which others reach this process: its first IPv4 address that is not internal, which
 * in a pod is the pod's. With a registry on loopback everybody is on this machine, and so is 127.0.0.1.
 */
export function ownHost(
  registryEndpoints: readonly string[],
  interfaces: Interfaces = networkInterfaces(),
): string {
  if (registryEndpoints.every(isLoopback)) return '127.0.0.1';
  const addresses = Object.values(interfaces).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

function isLoopback(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
