import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { Turn } from '../../src/core/turn.js';
import type {
  ConnectionOptions,
  ResponseHandler,
  UpstreamConnection,
  UpstreamFailure,
  UpstreamRequest,
} from '../../src/upstream/connection.js';
import { Http1Connection } from '../../src/upstream/http1-connection.js';
import { ManualClock } from './manual-clock.js';
import { Sequence } from './sequence.js';

/** What a connection calls, by name; `idle` and `closed` are what it tells its owner. */
export type Call =
  | 'sent'
  | 'information'
  | 'head'
  | 'data'
  | 'idle'
  | 'end'
  | 'closed'
  | 'upgrade'
  | `failure ${UpstreamFailure}`;

/** A connection that nobody else uses, and everything that it says, in order. */
export interface ConnectionUnderTest {
  readonly connection: UpstreamConnection;
  readonly clock: ManualClock;
  readonly calls: readonly Call[];
  /** What it did so far, with a run of `data` as one. */
  readonly story: () => string;
  /** Sends a request; what it says of it goes to the exchange. */
  send(request?: Partial<UpstreamRequest>, reaction?: Reaction): Exchange;
  /** Resolves when it has said this for the so manieth time, 0 for the first. */
  said(call: Call, index?: number): Promise<void>;
}

/** Runs within the call, before it returns; for `data`, what it returns. */
export type Reaction = (call: Call) => boolean | undefined;

/** What was said of one request. */
export interface Exchange {
  readonly statuses: readonly number[];
  readonly content: () => string;
  readonly bytes: () => number;
  readonly trailers: readonly string[] | undefined;
}

/** A connection to this port, destroyed when the test ends. What it tells its owner goes to the reaction of the last request. */
export function connectionUnderTest(
  t: TestContext,
  port: number,
  options: Partial<ConnectionOptions> = {},
): ConnectionUnderTest {
  const clock = new ManualClock();
  const calls: Call[] = [];
  const sequences = new Map<Call, Sequence<Call>>();
  const sequenceOf = (call: Call): Sequence<Call> => {
    const known = sequences.get(call) ?? new Sequence<Call>(call);
    sequences.set(call, known);
    return known;
  };
  let react: Reaction = () => undefined;
  const say = (call: Call, reaction = react): boolean => {
    calls.push(call);
    const kept = reaction(call) ?? true;
    sequenceOf(call).push(call);
    return kept;
  };
  const connection = new Http1Connection({
    host: '127.0.0.1',
    port,
    clock,
    turn: new Turn(),
    timeoutMs: () => 5000,
    allows: () => true,
    keepAliveMs: 30_000,
    maxHead: 16 * 1024,
    owner: { onIdle: () => void say('idle'), onClosed: () => void say('closed') },
    ...options,
  });
  t.after(() => connection.destroy());
  return {
    connection,
    clock,
    calls,
    story: () => calls.filter((call, index) => call !== 'data' || calls[index - 1] !== 'data').join(', '),
    send(request = {}, reaction = () => undefined) {
      react = reaction;
      const exchange = new Recorder((call) => say(call, reaction));
      const whole = { method: 'GET', target: '/', headers: ['Host', 'a'], body: undefined, websocket: false };
      connection.send({ ...whole, ...request }, exchange);
      return exchange;
    },
    async said(call, index = 0) {
      await sequenceOf(call).nth(index);
    },
  };
}

class Recorder implements Exchange, ResponseHandler {
  readonly statuses: number[] = [];
  trailers: readonly string[] | undefined;
  readonly #say: (call: Call) => boolean;
  readonly #chunks: Buffer[] = [];

  constructor(say: (call: Call) => boolean) {
    this.#say = say;
  }

  content = (): string => Buffer.concat(this.#chunks).toString('latin1');
  bytes = (): number => this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);

  onSent(): void {
    this.#say('sent');
  }

  onInformation(status: number): void {
    this.statuses.push(status);
    this.#say('information');
  }

  onHead(status: number): void {
    this.statuses.push(status);
    this.#say('head');
  }

  onData(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    return this.#say('data');
  }

  onEnd(trailers: readonly string[]): void {
    this.trailers = trailers;
    this.#say('end');
  }

  onUpgrade(_fields: readonly string[], socket: Duplex): void {
    socket.destroy();
    this.#say('upgrade');
  }

  onFailure(failure: UpstreamFailure): void {
    this.#say(`failure ${failure}`);
  }
}
