// A client that finds the servers in the registry and keeps calling them.
import { EventEmitter, on } from 'node:events';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { type HelloReply, Say, type SayClient } from './say.js';

const SERVICE_CONFIG = { loadBalancingConfig: [{ round_robin: {} }] };

/** A call waits for a server to be there. grpc-js reads this from here alone, not from a service config. */
const METADATA = new Metadata({ waitForReady: true });

const DEADLINE_MS = 10_000;
const PATIENCE_MS = 30_000;

/** Calls without a pause, several at a time, and counts who answers. */
export class Caller {
  calls = 0;
  /** How many calls were cut off and made again. */
  again = 0;
  readonly failures: string[] = [];
  readonly #client: SayClient;
  readonly #loops: readonly Promise<void>[];
  readonly #answers = new EventEmitter<{ answer: [server: string] }>();
  #over = false;

  constructor(target: string, atOnce: number) {
    this.#client = new Say(target, credentials.createInsecure(), {
      'grpc.service_config': JSON.stringify(SERVICE_CONFIG),
    });
    this.#loops = Array.from({ length: atOnce }, () => this.#loop());
  }

  /** Resolves when each of these servers has given so many more answers; rejects when that takes too long. */
  async answered(servers: readonly string[], count: number): Promise<void> {
    const missing = new Map(servers.map((server) => [server, count]));
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for await (const [server] of on(this.#answers, 'answer', { signal })) {
      const left = (missing.get(server) ?? 0) - 1;
      if (left > 0) missing.set(server, left);
      else missing.delete(server);
      if (missing.size === 0) return;
    }
  }

  /** Ends when the calls under way have been answered. */
  async close(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#loops);
    this.#client.close();
  }

  async #loop(): Promise<void> {
    while (!this.#over) {
      try {
        this.calls += 1;
        const { server } = await this.#hello(Date.now() + DEADLINE_MS);
        this.#answers.emit('answer', server);
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  /**
   * A server that is killed takes calls along that it had begun to answer, which no retry policy makes again. This one
   * may be made twice, so it is.
   */
  async #hello(deadline: number): Promise<HelloReply> {
    for (;;) {
      try {
        return await this.#call(deadline);
      } catch (error) {
        if (!isUnavailable(error) || Date.now() > deadline) throw error;
        this.again += 1;
      }
    }
  }

  #call(deadline: number): Promise<HelloReply> {
    return new Promise((resolve, reject) => {
      this.#client.hello({ name: 'you' }, METADATA, { deadline }, (error, reply) => {
        if (reply === undefined) reject(error);
        else resolve(reply);
      });
    });
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === status.UNAVAILABLE;
}
