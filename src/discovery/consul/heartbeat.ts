import type { ConsulAgent } from '../../consul/agent.js';
import type { ConsulAgents } from '../../consul/agents.js';
import { type ConsulError, isAgentFault, toConsulError } from '../../consul/errors.js';
import { type Clock, delay } from '../../core/clock.js';
import { jittered, type Random } from '../../core/random.js';

const EVERY_MS = 4_000;
const AGAIN_MS = 250;
/** One failure may be chance; giving an agent up breaks off every query that waits on it. */
const FAILURES_ALLOWED = 1;

export interface HeartbeatOptions {
  readonly agents: ConsulAgents;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Asks something that is answered at once, by a leader that is sure of being one. */
  readonly ask: (agent: ConsulAgent, signal: AbortSignal) => Promise<void>;
  /** It gave no answer of use, twice. */
  readonly failed: (error: ConsulError) => void;
}

/**
 * Asks the agent something small now and then. A query that waits tells nothing of an agent that hangs, or
 * that lost its servers, until its minute is over; this does, within ten seconds. Runs until `signal`
 * aborts; never rejects.
 */
export async function heartbeatWhile(options: HeartbeatOptions): Promise<void> {
  const { agents, clock, random, signal } = options;
  let failures = 0;
  while (!signal.aborted) {
    await delay(clock, failures > 0 ? AGAIN_MS : jittered(random, EVERY_MS, 0.2), signal);
    if (signal.aborted) return;
    const agent = agents.current();
    const error = await options.ask(agent, signal).then(() => undefined, toConsulError);
    if (signal.aborted) return;
    // What a token may not is no fault of the agent, and `closed` is somebody else's finding.
    if (error === undefined || !isAgentFault(error)) failures = 0;
    else if (failures < FAILURES_ALLOWED) failures += 1;
    else {
      failures = 0;
      options.failed(error);
      agents.blame(agent, error);
    }
  }
}
