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
  return directory.subscribeServices((registered) => {
    if (settings().autoRoutes) routing.replace(routingSettings(settings(), registered));
  });
}
