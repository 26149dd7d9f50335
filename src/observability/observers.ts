import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../core/clock.js';
import type { EventHub } from '../core/events.js';
import type { RecorderView } from '../core/recorded.js';
import type { GatewayViews, JournalView } from '../core/views.js';
import { type AccessLogSettings, createAccessLog } from './access-log.js';
import { createJournal, JOURNAL_CAPACITY } from './journal.js';
import { JournalFile } from './journal-file.js';
import type { LogStream } from './log-stream.js';
import { logMembership } from './membership-log.js';
import { createMetrics, type Metrics, type MetricsOptions } from './metrics.js';
import { logOperations } from './operations-log.js';
import { createRecorder } from './recorder.js';

export interface ObserverSettings {
  readonly accessLog: AccessLogSettings['mode'];
  readonly logLevel: AccessLogSettings['level'];
  /** Folder for the journal; undefined keeps it in memory alone. */
  readonly stateDir: string | undefined;
}

export interface ObserverTools {
  readonly hub: EventHub;
  readonly views: GatewayViews;
  readonly logger: Logger;
  readonly stream: LogStream;
  readonly clock: Clock;
  readonly metrics?: MetricsOptions;
}

/** Everything that listens: logs, metrics, journal and recorder. */
export interface Observers {
  readonly journal: JournalView;
  readonly recorder: RecorderView;
  readonly metrics: Metrics;
  /** Stops listening and writes out what is buffered. */
  close(): Promise<void>;
}

/** Starts listening. What an earlier run left in the journal on disk is read first. */
export async function openObservers(settings: ObserverSettings, tools: ObserverTools): Promise<Observers> {
  const { hub, views, logger, stream, metrics: options = {} } = tools;
  const file = journalFile(settings, tools);
  const journal = createJournal(hub, { earlier: (await file?.load(JOURNAL_CAPACITY)) ?? [] });
  file?.follow(journal);
  const recorder = createRecorder(hub);
  const metrics = createMetrics({ hub, views, clock: tools.clock }, options);
  const mode = options.ownTraffic === false ? 'off' : settings.accessLog;
  const accessLog = createAccessLog(hub, { mode, level: settings.logLevel, stream });
  const stops = [logMembership(hub, logger), logOperations(hub, logger)];
  return {
    journal,
    recorder,
    metrics,
    async close() {
      for (const stop of stops) stop();
      journal.close();
      recorder.close();
      metrics.close();
      await accessLog.close();
      await file?.close();
    },
  };
}

function journalFile(
  { stateDir }: ObserverSettings,
  { clock, logger }: ObserverTools,
): JournalFile | undefined {
  if (stateDir === undefined) return undefined;
  const path = join(stateDir, 'journal.ndjson');
  return new JournalFile({ path, clock, onProblem: (problem) => logger.warn(problem) });
}
