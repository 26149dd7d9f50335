import { createServer } from 'node:http';
import { listenOnLoopback } from './wire.js';

/**
 * A server in a process of its own, whose processor time can be asked for. Argument: the address of an
 * endpoint to be a gateway for; none for a bare Node server. Sends its port, then, for each message it
 * gets, the microseconds it has used. Ends with its parent.
 */
async function bareServer(): Promise<number> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end('{"code":0}');
  });
  server.keepAliveTimeout = 60_000;
  return await listenOnLoopback(server);
}

async function gateway(endpoint: string): Promise<number> {
  // Only here, because reading all of the gateway's code is most of what starting a bare server would take.
  const { startQuietGateway } = await import('./quiet-gateway.js');
  return await startQuietGateway(endpoint);
}

const [endpoint] = process.argv.slice(2);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.on('disconnect', () => process.exit());
process.send?.(endpoint === undefined ? await bareServer() : await gateway(endpoint));
