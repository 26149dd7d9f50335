import type { ConsulAgents } from '../../consul/agents.js';
import { type ConsulError, toConsulError } from '../../consul/errors.js';
import { type Clock, delay } from '../../core/clock.js';
import { jittered, type Random } from '../../core/random.js';

const EVERY_MS = 5_000;
const AGAIN_MS = 250;
/** One failure may be chance; giving an agent up breaks off every query that waits on it. */
const FAILURES_ALLOWED = 1;

export interface HeartbeatOptions {
  readonly agents: ConsulAgents;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly answered: (agent: string) => void;
  /** It gave no answer of use, twice. */
  readonly failed: (error: ConsulError) => void;
}

/**
 * Asks the agent for the leader now and then. A query that waits tells nothing of an agent that hangs until
 * its minute is over; this does, within ten seconds. It confirms no view: that only answers do. Runs
 * until `signal` aborts; never rejects.
 */
export async function heartbeatWhile(options: HeartbeatOptions): Promise<void> {
  const { agents, clock, random, signal } = options;
  let failures = 0;
  while (!signal.aborted) {
    await delay(clock, failures > 0 ? AGAIN_MS : jittered(random, EVERY_MS, 0.2), signal);
    if (signal.aborted) return;
    const agent = agents.current();
    const error = await agent.leader().then(() => undefined, toConsulError);
    if (signal.aborted) return;
    if (error === undefined) {
      failures = 0;
      options.answered(agent.endpoint);
    } else if (error.fault === 'closed') failures = 0;
    else if (failures < FAILURES_ALLOWED) failures += 1;
    else {
      failures = 0;
      options.failed(error);
      agents.blame(agent, error);
    }
  }
}
