// A server of the Say service that registers itself, and leaves without losing a call.
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { register } from 'watchgate/registrar';
import { type HelloHandler, Say } from './say.js';

export interface SayServer {
  /** Out of the registry first, then down when the calls under way have been answered. */
  close(): Promise<void>;
}

/** Serves on a free port. `registry` is `etcd://host:port/prefix` or `consul://host:port`. */
export async function startSayServer(name: string, registry: string): Promise<SayServer> {
  const hello: HelloHandler = ({ request }, answer) => {
    answer(null, { text: `hello ${request.name}`, server: name });
  };
  const server = new Server();
  server.addService(Say.service, { hello });
  const bind = promisify(server.bindAsync.bind(server));
  const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
  const registration = register({ registry, service: 'say', address: `127.0.0.1:${port}`, hostKey: name });
  await once(registration, 'registered');
  return {
    async close() {
      await registration.close();
      await promisify(server.tryShutdown.bind(server))();
    },
  };
}
