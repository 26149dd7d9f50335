import { parseConfig } from '../../src/config/load.js';
import { systemClock } from '../../src/core/clock.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { startGateway } from '../../src/gateway.js';
import { routeAll, withListeners } from './gateway-under-test.js';

/**
 * A gateway for one endpoint, with default settings but no access log, for as long as the process
 * lives. Resolves to its port.
 */
export async function startQuietGateway(endpoint: string): Promise<number> {
  const text = withListeners(`accessLog: 'off'\nlogLevel: silent\n${routeAll()}`);
  const config = parseConfig(text, 'routes.yaml', {});
  if ('errors' in config) throw new Error(JSON.stringify(config.errors));
  const source = createStaticSource({ name: 'main', clock: systemClock });
  source.setEndpoints('goods', [endpoint]);
  const { address } = await startGateway({ settings: config.settings, sources: [source] });
  return Number(address.split(':').at(-1));
}
