import {
  type CallOptions,
  Channel,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import type { Clock } from '../core/clock.js';
import { EtcdError, malformedAnswer, toEtcdError } from './errors.js';
import type { Method } from './method.js';
import type { Authenticate, Token } from './token.js';

/** PEM texts. `cert` and `key` go together. */
export interface EtcdTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

export interface EtcdChannelOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoint: string;
  readonly tls: EtcdTls | undefined;
  readonly clock: Clock;
  /** Shared with the channels to the other members; undefined when no name is configured. */
  readonly token: Token | undefined;
  /** Over this channel. */
  readonly authenticate: Authenticate;
}

/** What a call sends to be let in. */
interface Admission {
  readonly metadata: Metadata;
  /** To be called when it was refused; answers whether another one may do. */
  readonly refused: () => boolean;
}

/** A unary call that has not been answered by then never will be; the caller wants to ask elsewhere. */
const UNARY_DEADLINE_MS = 2_000;

const CHANNEL_OPTIONS = {
  // 4 MiB by default, which a list of a large registry exceeds.
  'grpc.max_receive_message_length': -1,
  // Its own connection: closing this channel must really leave the member.
  'grpc.use_local_subchannel_pool': 1,
  // By default 1 s to 120 s: longer than the leases that depend on it.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // etcd answers pings closer than 5 s with GOAWAY (--grpc-keepalive-min-time).
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
} as const satisfies ChannelOptions;

/**
 * One connection to one member.
 *
 * It stands in for etcd3's own connection pool, which closes every channel of a host on each timeout,
 * authenticates over a connection that is never closed, and answers an invalid token by asking again
 * without end, so that one misconfigured member costs the cluster a bcrypt per round trip.
 */
export class EtcdChannel {
  readonly #endpoint: string;
  readonly #clock: Clock;
  readonly #channel: Channel;
  readonly #client: Client;
  readonly #underWay = new Set<ClientUnaryCall>();
  readonly #token: Token | undefined;
  readonly #authenticate: Authenticate;
  #closed = false;

  constructor(options: EtcdChannelOptions) {
    this.#endpoint = options.endpoint;
    this.#clock = options.clock;
    this.#token = options.token;
    this.#authenticate = options.authenticate;
    this.#channel = new Channel(
      options.endpoint.replace(/^https?:\/\//, ''),
      channelCredentials(options.endpoint, options.tls),
      CHANNEL_OPTIONS,
    );
    this.#client = new Client(options.endpoint, credentials.createInsecure(), {
      channelOverride: this.#channel,
    });
  }

  /**
   * Makes a unary call; once more with a new token when the one it sent was refused. Its deadline starts
   * when there is a token: waiting for that has a deadline of its own.
   */
  async call<Request, Answer>(
    method: Method<Request, Answer>,
    request: Request,
    deadlineMs = UNARY_DEADLINE_MS,
  ): Promise<Answer> {
    const call = ({ metadata }: Admission): Promise<Answer> =>
      this.#unary(method, request, metadata, { deadline: this.#deadline(deadlineMs) });
    if (method.withoutToken) return call({ metadata: new Metadata(), refused: () => false });
    try {
      const admission = await this.#admission();
      return await call(admission).catch(async (error: unknown) => {
        if (toEtcdError(error).fault !== 'unauthenticated' || !admission.refused()) throw error;
        return call(await this.#admission());
      });
    } catch (error) {
      throw toEtcdError(error);
    }
  }

  /** Opens a stream; without a deadline when none is given. */
  async open<Request, Answer>(
    method: Method<Request, Answer>,
    deadlineMs?: number,
  ): Promise<ClientDuplexStream<Request, Answer>> {
    try {
      const { metadata } = await this.#admission();
      // Without this a stream stays open on a member that has lost its leader, and hears nothing.
      metadata.set('hasleader', 'true');
      this.#checkOpen();
      const options = deadlineMs === undefined ? {} : { deadline: this.#deadline(deadlineMs) };
      return this.#client.makeBidiStreamRequest(
        method.path,
        method.write,
        readingOf(method),
        metadata,
        options,
      );
    } catch (error) {
      throw toEtcdError(error);
    }
  }

  /** Ends the connection and whatever is under way on it, but not streams. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const call of this.#underWay) call.cancel();
    this.#channel.close();
  }

  async #admission(): Promise<Admission> {
    const token = this.#token;
    if (token === undefined) return { metadata: new Metadata(), refused: () => false };
    const pending = token.get(this.#authenticate);
    try {
      const metadata = metadataWith(await pending);
      return {
        metadata,
        refused: () => {
          token.forget(pending);
          return true;
        },
      };
    } catch (error) {
      // It was being fetched over another channel, which was closed.
      if (toEtcdError(error).fault === 'closed' && !this.#closed) return this.#admission();
      throw error;
    }
  }

  #unary<Request, Answer>(
    method: Method<Request, Answer>,
    request: Request,
    metadata: Metadata,
    options: CallOptions,
  ): Promise<Answer> {
    this.#checkOpen();
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.write,
        readingOf(method),
        request,
        metadata,
        options,
        (error, answer) => {
          this.#underWay.delete(call);
          if (answer === undefined) reject(toEtcdError(error));
          else resolve(answer);
        },
      );
      this.#underWay.add(call);
    });
  }

  /** grpc-js reads deadlines off the wall clock. */
  #deadline(ms: number): Date {
    return new Date(this.#clock.now() + ms);
  }

  #checkOpen(): void {
    if (this.#closed) throw new EtcdError('closed', `the connection to ${this.#endpoint} is closed`);
  }
}

/** Says which answer could not be read. What it throws ends the call, or the stream, before anything of it is used. */
function readingOf<Answer>({ path, read }: Method<never, Answer>): (bytes: Buffer) => Answer {
  return (bytes) => {
    try {
      return read(bytes);
    } catch (error) {
      throw malformedAnswer(path, error);
    }
  };
}

function metadataWith(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('token', token);
  return metadata;
}

function channelCredentials(
  endpoint: string,
  tls: EtcdTls | undefined,
): ReturnType<typeof credentials.createSsl> {
  return endpoint.startsWith('https:')
    ? credentials.createSsl(tls?.ca ?? null, tls?.key ?? null, tls?.cert ?? null)
    : credentials.createInsecure();
}
