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
  const stopped = new AbortController();
  const stop = door.stop().then(() => stopped.abort());
  await delay(clock, settings.drainTimeout, stopped.signal);
  if (!stopped.signal.aborted) await breakOff(dataPath, door, clock, stopped.signal);
  await stop;
}

/** Breaks off every client connection. */
export async function stopAtOnce(dataPath: DataPath, door: FrontDoor, clock: Clock): Promise<void> {
  const stopped = new AbortController();
  const stop = door.stop().then(() => stopped.abort());
  await breakOff(dataPath, door, clock, stopped.signal);
  await stop;
}

/** Answers whom it can, since a connection that just ends does not say whether to try again. */
async function breakOff(
  dataPath: DataPath,
  door: FrontDoor,
  clock: Clock,
  stopped: AbortSignal,
): Promise<void> {
  dataPath.startDraining();
  dataPath.tunnels.closeAll();
  door.failRequests('SHUTTING_DOWN');
  await delay(clock, LAST_ANSWERS_MS, stopped);
  door.breakOff();
}
