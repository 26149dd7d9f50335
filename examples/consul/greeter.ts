// A service that registers itself in Consul, with its version as a tag.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { register } from 'watchgate/registrar';

export interface Greeter {
  /** Out of Consul first, then down. */
  close(): Promise<void>;
}

/** Answers every request with its version. `registry` is `consul://host:port`; `version` becomes the tag. */
export async function startGreeter(registry: string, version: string): Promise<Greeter> {
  const server = createServer((_request, response) => response.end(`hello from ${version}\n`));
  server.listen(0);
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const registration = register({
    registry,
    service: 'greeter',
    address: port,
    tags: [version],
    health: async () => server.listening,
  });
  await once(registration, 'registered');
  return {
    async close() {
      await registration.close();
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}
