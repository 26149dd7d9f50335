import type { Settings } from '../config/settings.js';
import { type Clock, delay } from '../core/clock.js';
import type { DataPath } from '../proxy/data-path.js';
import type { FrontDoor } from '../proxy/front-door.js';

/** For the last answers to reach clients that read them. */
const LAST_ANSWERS_MS = 100;

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
  await stop(dataPath, door, clock, settings.drainTimeout);
}

/** Breaks off every client connection. */
export async function stopAtOnce(dataPath: DataPath, door: FrontDoor, clock: Clock): Promise<void> {
  dataPath.startDraining();
  await stop(dataPath, door, clock);
}

/**
 * Takes no new connections. What is not over after `patience` milliseconds, at once when that is absent, is answered as
 * far as possible, since a connection that just ends does not say whether to try again.
 */
async function stop(dataPath: DataPath, door: FrontDoor, clock: Clock, patience?: number): Promise<void> {
  const stopped = new AbortController();
  const stopping = door.stop().then(() => stopped.abort());
  if (patience !== undefined) await delay(clock, patience, stopped.signal);
  if (!stopped.signal.aborted) {
    dataPath.tunnels.closeAll();
    door.failRequests('SHUTTING_DOWN');
    await delay(clock, LAST_ANSWERS_MS, stopped.signal);
    door.breakOff();
  }
  await stopping;
}
