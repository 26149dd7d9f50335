import type { EventHub, RequestRecord } from '../core/events.js';
import type { KeptAs, RecordedRequest, RecorderView } from '../core/recorded.js';
import { Ring } from './ring.js';

export interface Recorder extends RecorderView {
  /** Stops listening. What was recorded stays readable. */
  close(): void;
}

export interface RecorderLimits {
  /** How many are kept of each kind. Apart, so that a scanner's bad requests do not push out the 5xx. */
  readonly failed: number;
  readonly refused: number;
  readonly sampled: number;
  /** Least time between two samples, milliseconds: under load the cost does not grow. */
  readonly sampleEveryMs: number;
}

const LIMITS: RecorderLimits = { failed: 1_000, refused: 500, sampled: 500, sampleEveryMs: 100 };

/** A longer path is cut: what a client sends must not decide how much is held. */
const LONGEST_PATH = 1_024;

/**
 * Remembers the newest failures and a sample of the other requests, each with its attempts. A path
 * without a route is no failure but what scanners and typing errors look like: it is only sampled.
 */
export function createRecorder(hub: EventHub, limits: Partial<RecorderLimits> = {}): Recorder {
  const { failed, refused, sampled, sampleEveryMs } = { ...LIMITS, ...limits };
  const rings: Record<KeptAs, Ring<RecordedRequest>> = {
    failed: new Ring(failed),
    refused: new Ring(refused),
    sampled: new Ring(sampled),
  };
  const sampler = new Sampler(sampleEveryMs);
  const stop = hub.on('request', (record) => {
    const kept = sampler.keeps(record);
    if (kept !== undefined) rings[kept].add(recorded(record, kept));
  });
  return {
    find: (traceId) =>
      byTime(Object.values(rings).flatMap((ring) => ring.oldestFirst())).filter(
        (record) => record.traceId === traceId,
      ),
    failures: (limit) =>
      byTime([...rings.failed.oldestFirst(), ...rings.refused.oldestFirst()]).slice(-limit),
    close: stop,
  };
}

/** Decides which requests are worth remembering, and as what. */
export class Sampler {
  readonly #everyMs: number;
  #from = 0;

  /** Least time between two samples, milliseconds. */
  constructor(everyMs = LIMITS.sampleEveryMs) {
    this.#everyMs = everyMs;
  }

  keeps({ status, cause, at }: RequestRecord): KeptAs | undefined {
    if (status >= 500) return 'failed';
    if (cause !== undefined && cause !== 'NO_ROUTE') return 'refused';
    if (at < this.#from && at >= this.#from - this.#everyMs) return undefined;
    this.#from = at + this.#everyMs;
    return 'sampled';
  }
}

function recorded({ span: _, ...record }: RequestRecord, kept: KeptAs): RecordedRequest {
  // A copy: a slice would hold on to the whole of the path.
  const path =
    record.path.length <= LONGEST_PATH
      ? record.path
      : `${Buffer.from(record.path.slice(0, LONGEST_PATH), 'latin1').toString('latin1')}…`;
  return { ...record, path, kept };
}

function byTime(records: RecordedRequest[]): RecordedRequest[] {
  return records.sort((a, b) => a.at - b.at);
}
