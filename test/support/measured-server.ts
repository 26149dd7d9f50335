import { createServer } from 'node:http';
import { parseConfig } from '../../src/config/load.js';
import { systemClock } from '../../src/core/clock.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { startGateway } from '../../src/gateway.js';
import { routeAll, withListeners } from './gateway-under-test.js';
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

/** With default settings, but no access log. */
async function gateway(endpoint: string): Promise<number> {
  const text = withListeners(`accessLog: 'off'\nlogLevel: silent\n${routeAll()}`);
  const config = parseConfig(text, 'routes.yaml', {});
  if ('errors' in config) throw new Error(JSON.stringify(config.errors));
  const source = createStaticSource({ name: 'main', clock: systemClock });
  source.setEndpoints('goods', [endpoint]);
  const { address } = await startGateway({ settings: config.settings, sources: [source] });
  return Number(address.split(':').at(-1));
}

const [endpoint] = process.argv.slice(2);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.on('disconnect', () => process.exit());
process.send?.(endpoint === undefined ? await bareServer() : await gateway(endpoint));
