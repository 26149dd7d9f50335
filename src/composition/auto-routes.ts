import type { Settings } from '../config/settings.js';
import type { Directory } from '../discovery/directory.js';
import type { DataPath } from '../proxy/data-path.js';
import { routingSettings } from './routing.js';

/**
 * With `autoRoutes`, a service that appears or disappears changes the routes. Returns the function
 * that stops following.
 */
export function followRegistered(
  directory: Directory,
  routing: Pick<DataPath, 'replace'>,
  settings: () => Settings,
): () => void {
  let known = '';
  return directory.subscribeAll(() => {
    if (!settings().autoRoutes) return;
    const registered = directory.services();
    const names = registered.map(({ service, registry }) => `${service}@${registry}`).join(' ');
    if (names === known) return;
    known = names;
    routing.replace(routingSettings(settings(), registered));
  });
}
