import { pickers } from '../../src/balancing/pickers.js';
import { observeFailure, observeLatency } from '../../src/core/load.js';
import { seededRandom } from '../../src/core/random.js';
import type { BalanceMethod } from '../../src/core/route.js';
import { candidate } from '../contract/picker.js';

/** An endpoint that answers any number of requests at once, each after this long. */
export interface SimulatedEndpoint {
  readonly name: string;
  readonly latencyMs: number;
  /** From this moment on it takes as long as `recoveredMs`. */
  readonly recoversAt?: number;
  readonly recoveredMs?: number;
  /** Answers each request with a failure. */
  readonly failing?: boolean;
  readonly weight?: number;
}

export interface Traffic {
  readonly answered: number;
  readonly p99Ms: number;
  /** Requests sent, by endpoint. */
  readonly sent: Readonly<Record<string, number>>;
}

/**
 * So many clients, each of which sends its next request when the last is answered, for so long, in no
 * time at all: the next answer due is the next thing that happens.
 */
export function simulate(
  method: BalanceMethod,
  endpoints: readonly SimulatedEndpoint[],
  { clients = 32, forMs = 10_000, seed = 1 } = {},
): Traffic {
  const random = seededRandom(seed);
  const fleet = endpoints.map((endpoint) => ({
    endpoint,
    candidate: candidate(endpoint.name, endpoint.weight ?? 1),
  }));
  const byCandidate = new Map(fleet.map((member) => [member.candidate, member.endpoint]));
  const picker = pickers[method](
    fleet.map((member) => member.candidate),
    random,
  );
  const sent: Record<string, number> = Object.fromEntries(endpoints.map(({ name }) => [name, 0]));
  const latencies: number[] = [];
  const due = new Map<object, { at: number; finish: () => void }>();

  const send = (now: number): void => {
    const picked = picker.pick({ tried: [], now, hashKey: String(random()) });
    const endpoint = picked && byCandidate.get(picked);
    if (picked === undefined || endpoint === undefined) throw new Error('nothing was picked');
    sent[endpoint.name] = (sent[endpoint.name] ?? 0) + 1;
    picked.load.inFlight += 1;
    const { latencyMs, recoversAt = Number.POSITIVE_INFINITY, recoveredMs = latencyMs } = endpoint;
    const tookMs = (now < recoversAt ? latencyMs : recoveredMs) * (0.8 + 0.4 * random());
    const at = now + tookMs;
    const finish = (): void => {
      picked.load.inFlight -= 1;
      if (endpoint.failing === true) observeFailure(picked.load, at);
      else {
        observeLatency(picked.load, tookMs, at);
        latencies.push(tookMs);
      }
      due.delete(finish);
      send(at);
    };
    due.set(finish, { at, finish });
  };

  for (let client = 0; client < clients; client += 1) send(random());
  for (;;) {
    let next: { at: number; finish: () => void } | undefined;
    for (const answer of due.values()) if (next === undefined || answer.at < next.at) next = answer;
    if (next === undefined || next.at > forMs) break;
    next.finish();
  }
  latencies.sort((a, b) => a - b);
  return { answered: latencies.length, p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0, sent };
}
