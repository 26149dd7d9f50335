import type { EventHub, RequestRecord } from '../core/events.js';
import type { TrafficReport } from '../core/tally.js';
import { createAccessLog } from './access-log.js';
import { createTallies } from './metrics.js';
import type { ObserverSettings, ObserverTools } from './observers.js';
import { Sampler } from './recorder.js';

/** As many failures as the recorder holds between two calls of `take`; what is beyond it would be forgotten there. */
const MOST_KEPT = 1_000;

/** What listens in a worker: it logs its own requests, and counts for the process that answers for all. */
export interface TrafficObservers {
  /** What has happened since the last call. */
  take(): TrafficReport;
  /** Stops listening and writes out what is buffered. */
  close(): Promise<void>;
}

export async function openTrafficObservers(
  settings: ObserverSettings,
  { hub, stream }: ObserverTools,
): Promise<TrafficObservers> {
  const tallies = createTallies(hub);
  const requests = keepRequests(hub);
  const accessLog = createAccessLog(hub, { mode: settings.accessLog, level: settings.logLevel, stream });
  return {
    take: () => ({ tally: tallies.take(), kept: requests.take() }),
    async close() {
      tallies.close();
      requests.close();
      await accessLog.close();
    },
  };
}

function keepRequests(hub: EventHub): { take(): readonly RequestRecord[]; close(): void } {
  const sampler = new Sampler();
  let kept: RequestRecord[] = [];
  const close = hub.on('request', (record) => {
    if (kept.length >= MOST_KEPT || sampler.keeps(record) === undefined) return;
    const { span: _, ...plain } = record;
    kept.push(plain);
  });
  return {
    take() {
      const taken = kept;
      kept = [];
      return taken;
    },
    close,
  };
}
