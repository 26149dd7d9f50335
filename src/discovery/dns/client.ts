import { randomInt } from 'node:crypto';
import { formatAddress } from '../../core/address.js';
import type { Clock } from '../../core/clock.js';
import { messageOf } from '../../core/errors.js';
import { type DnsServer, overTcp, overUdp } from './exchange.js';
import { encodeQuery, type Question, type Reply, readReply } from './message.js';

export interface DnsClientOptions {
  /** Asked in this order; the next one when one does not answer or cannot. At least one. */
  readonly servers: readonly DnsServer[];
  readonly clock: Clock;
}

/** No server gave an answer to believe. The message is one line for operators. */
export class DnsError extends Error {}

/** Reply codes that a server without EDNS gives to a query with it (RFC 6891 section 7). */
const NOT_UNDERSTOOD: readonly number[] = [1, 4];
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;
const CODES: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  4: 'NOTIMP',
  5: 'REFUSED',
};

/** Asks DNS servers, like a stub resolver, and keeps what theirs leave out: how long an answer holds. */
export class DnsClient {
  readonly #options: DnsClientOptions;
  #answeredLast: string | undefined;

  constructor(options: DnsClientOptions) {
    this.#options = options;
  }

  /** `host:port` of the server that answered last. */
  get server(): string | undefined {
    return this.#answeredLast;
  }

  /**
   * A reply with records, or one that says there are none. Anything else (SERVFAIL, REFUSED, a referral,
   * silence) is no answer. Rejects with DnsError when no server gives one.
   */
  async ask(question: Question, signal: AbortSignal): Promise<Reply> {
    const failures: string[] = [];
    for (const server of this.#options.servers) {
      const name = formatAddress(server.host, server.port);
      try {
        const reply = await this.#askServer(server, question, signal);
        const refusal = refusalOf(reply);
        if (refusal === undefined) {
          this.#answeredLast = name;
          return reply;
        }
        failures.push(`${name} ${refusal}`);
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(`${name} ${messageOf(error)}`);
      }
    }
    throw new DnsError(`${question.type} ${question.name}: DNS server ${failures.join('; ')}`);
  }

  async #askServer(server: DnsServer, question: Question, signal: AbortSignal): Promise<Reply> {
    const reply = await this.#exchange(server, question, signal, true);
    // Old servers, and what stands in front of some, know no EDNS.
    return NOT_UNDERSTOOD.includes(reply.code) ? this.#exchange(server, question, signal, false) : reply;
  }

  async #exchange(
    server: DnsServer,
    question: Question,
    signal: AbortSignal,
    extended: boolean,
  ): Promise<Reply> {
    const { clock } = this.#options;
    // Not from the seeded source of chance: an id that can be foretold lets others answer (RFC 5452).
    const id = randomInt(2 ** 16);
    const query = encodeQuery(id, question, extended);
    const exchange = {
      server,
      query,
      clock,
      signal,
      read: (bytes: Buffer) => readReply(bytes, id, question),
    };
    const reply = await overUdp(exchange);
    return reply.truncated ? overTcp(exchange) : reply;
  }
}

function refusalOf({ code, isReferral, truncated }: Reply): string | undefined {
  if (isReferral) return 'only named other servers; wanted one that asks them itself';
  if (truncated) return 'cut its answer short even over TCP';
  if (code === NO_ERROR || code === NO_SUCH_NAME) return undefined;
  return `answered ${CODES[code] ?? `code ${code}`}`;
}
