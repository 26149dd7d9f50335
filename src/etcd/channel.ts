import { createRequire } from 'node:module';
import {
  type CallOptions,
  Channel,
  type ChannelOptions,
  type Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  makeClientConstructor,
} from '@grpc/grpc-js';
import { loadSync, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import type { CallContext, ICallable } from 'etcd3';
import type { Clock } from '../core/clock.js';
import { EtcdError, toEtcdError } from './errors.js';
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

type Service = CallContext['service'];

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

const definitions = loadSync(createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'), {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

/**
 * One connection to one member, in the form that etcd3's stubs ask for.
 *
 * It stands in for etcd3's own connection pool, which closes every channel of a host on each timeout,
 * authenticates over a connection that is never closed, and answers an invalid token by asking again
 * without end, so that one misconfigured member costs the cluster a bcrypt per round trip.
 */
export class EtcdChannel implements ICallable<undefined> {
  readonly #endpoint: string;
  readonly #clock: Clock;
  readonly #channel: Channel;
  readonly #clients = new Map<Service, Client>();
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
  }

  /** etcd3's stubs take the options of each call from here: a deadline for every call but streams. */
  readonly callOptionsFactory = (context: CallContext): { deadline?: Date } =>
    context.isStream ? {} : { deadline: this.deadline(UNARY_DEADLINE_MS) };

  /** grpc-js reads deadlines off the wall clock. */
  deadline(ms: number): Date {
    return new Date(this.#clock.now() + ms);
  }

  /**
   * Makes a unary call; once more with a new token when the one it sent was refused. Its deadline starts
   * when there is a token: waiting for that has a deadline of its own.
   */
  async exec<T>(
    service: Service,
    method: string,
    params: unknown,
    options?: { deadline?: Date | number },
  ): Promise<T> {
    const allowedMs =
      options?.deadline === undefined ? UNARY_DEADLINE_MS : Number(options.deadline) - this.#clock.now();
    const call = ({ metadata }: Admission): Promise<T> =>
      this.#unary<T>(service, method, params, metadata, { deadline: this.deadline(allowedMs) });
    if (service === 'Auth') return call({ metadata: new Metadata(), refused: () => false });
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

  /** Used by etcd3's stubs to open streams. */
  async withConnection<R>(
    service: Service,
    open: (args: { resource: undefined; client: Client; metadata: Metadata }) => Promise<R> | R,
  ): Promise<R> {
    const { metadata } = await this.#admission();
    // Without this a stream stays open on a member that has lost its leader, and hears nothing.
    metadata.set('hasleader', 'true');
    return open({ resource: undefined, client: this.#client(service), metadata });
  }

  /** etcd3's stubs report each failed stream; whoever opened it hears of it too, and decides. */
  markFailed(): void {}

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

  /** `T` is what etcd3's declarations say that the method answers. */
  #unary<T>(
    service: Service,
    method: string,
    params: unknown,
    metadata: Metadata,
    options: CallOptions,
  ): Promise<T> {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
    const client = this.#client(service);
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        (bytes) => responseDeserialize(bytes) as T,
        params ?? {},
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

  #client(service: Service): Client {
    if (this.#closed) throw new EtcdError('closed', `the connection to ${this.#endpoint} is closed`);
    const existing = this.#clients.get(service);
    if (existing !== undefined) return existing;
    const ServiceClient = makeClientConstructor(serviceOf(service), service);
    const made = new ServiceClient(this.#endpoint, credentials.createInsecure(), {
      channelOverride: this.#channel,
    });
    this.#clients.set(service, made);
    return made;
  }
}

function metadataWith(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('token', token);
  return metadata;
}

function serviceOf(service: Service): ServiceDefinition {
  const definition = definitions[`etcdserverpb.${service}`];
  if (definition === undefined || 'format' in definition)
    throw new EtcdError('other', `the etcd API has no service ${service}`);
  return definition;
}

/** etcd3's stubs write a method's first letter small, the proto big. */
function methodOf(service: Service, method: string): MethodDefinition<object, object> {
  const definition = serviceOf(service)[method.charAt(0).toUpperCase() + method.slice(1)];
  if (definition === undefined) throw new EtcdError('other', `the etcd API has no ${service}.${method}`);
  return definition;
}

function channelCredentials(
  endpoint: string,
  tls: EtcdTls | undefined,
): ReturnType<typeof credentials.createSsl> {
  return endpoint.startsWith('https:')
    ? credentials.createSsl(tls?.ca ?? null, tls?.key ?? null, tls?.cert ?? null)
    : credentials.createInsecure();
}
