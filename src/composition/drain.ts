import type { Settings } from '../config/settings.js';
import { type Clock, delay } from '../core/clock.js';
import type { DataPath } from '../proxy/data-path.js';
import type { FrontDoor } from '../proxy/front-door.js';

/**
 * Leaves without losing a request. Responses close their connections while load balancers notice;
 * then no new connections, and at most `drainTimeout` for what is in flight.
 */
export async function drain(
  dataPath: DataPath,
  door: FrontDoor,
  settings: Settings,
  clock: Clock,
): Promise<void> {
  dataPath.startDraining();
  await delay(clock, settings.drainDelay);
  const stopped = new AbortController();
  const stop = door.stop().then(() => stopped.abort());
  await delay(clock, settings.drainTimeout, stopped.signal);
  if (!stopped.signal.aborted) {
    dataPath.tunnels.closeAll();
    door.breakOff();
  }
  await stop;
}

/** Breaks off every client connection. */
export async function stopAtOnce(door: FrontDoor): Promise<void> {
  const stopped = door.stop();
  door.breakOff();
  await stopped;
}
