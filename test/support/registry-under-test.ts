import type { TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { DEFAULT_PREFIX, registrationKey } from '../../src/core/registration.js';
import { startEmbeddedRegistry } from '../../src/embedded/server.js';
import { bytes, EtcdApi } from './etcd-api.js';

/** An etcd v3 API to register with, in this process. */
export interface RegistryUnderTest {
  readonly port: number;
  /** A `registry:` block for routes.yaml. */
  readonly yaml: string;
  register(service: string, address: string): Promise<void>;
  unregister(service: string, address: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts an empty registry; on port 0 at any free one. */
export async function startRegistryUnderTest(t: TestContext, port = 0): Promise<RegistryUnderTest> {
  const registry = await startEmbeddedRegistry({ listen: { host: '127.0.0.1', port }, clock: systemClock });
  const api = new EtcdApi(registry.endpoint);
  const keyOf = (service: string, address: string) =>
    bytes(registrationKey(DEFAULT_PREFIX, service, address));
  const close = async (): Promise<void> => {
    api.close();
    await registry.close();
  };
  t.after(close);
  return {
    port: registry.port,
    yaml: registryYaml(registry.port),
    async register(service, address) {
      await api.call('KV/Put', { key: keyOf(service, address), value: bytes(address) });
    },
    async unregister(service, address) {
      await api.call('KV/DeleteRange', { key: keyOf(service, address) });
    },
    close,
  };
}

export function registryYaml(port: number): string {
  return `registry:\n  type: etcd\n  endpoints: [http://127.0.0.1:${port}]\n`;
}
