import type { TestContext } from 'node:test';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import type { IRangeRequest, IWatchRequest } from 'etcd3';
import { etcdMethod } from './etcd-method.js';

interface Kv {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly mod_revision: string;
}

interface Event {
  readonly type: 'Put' | 'Delete';
  readonly kv: Kv;
}

type WatchStream = ServerDuplexStream<IWatchRequest, Buffer>;

/** What the members of a cluster agree on. */
export class ScriptedStore {
  readonly clusterId = '7';
  readonly members: ScriptedEtcd[] = [];
  readonly kvs = new Map<string, Kv>();
  readonly log: Event[] = [];
  revision = 1;

  /** One revision that puts all of these, by key. */
  put(values: Readonly<Record<string, string>>): void {
    this.revision += 1;
    const events = Object.entries(values).map(([key, value]): Event => {
      const kv = { key: Buffer.from(key), value: Buffer.from(value), mod_revision: String(this.revision) };
      this.kvs.set(key, kv);
      return { type: 'Put', kv };
    });
    this.log.push(...events);
    for (const member of this.members) member.tell(events);
  }
}

/** A member that serves lists and watches of a store, each as it should be or spoilt as the test says. */
export class ScriptedEtcd {
  readonly #store: ScriptedStore;
  readonly #streams = new Set<WatchStream>();
  endpoint = '';
  /** What becomes of the bytes of a list, and of a message with events, before they are sent. */
  spoilList: (answer: Buffer) => Buffer = unspoilt;
  spoilEvents: (message: Buffer) => Buffer = unspoilt;
  /** Answered to every put. */
  putAnswer: Buffer = Buffer.alloc(0);
  lists = 0;

  private constructor(store: ScriptedStore) {
    this.#store = store;
    store.members.push(this);
  }

  /** Listens until the test ends. */
  static async start(t: TestContext, store: ScriptedStore): Promise<ScriptedEtcd> {
    const member = new ScriptedEtcd(store);
    const server = new Server();
    member.#serve(server);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    t.after(() => server.forceShutdown());
    member.endpoint = `http://127.0.0.1:${port}`;
    return member;
  }

  /** Streams on which events are sent. */
  get watches(): number {
    return this.#streams.size;
  }

  /** Sends one message with these events on each stream. */
  tell(events: readonly Event[]): void {
    const message = this.spoilEvents(this.#message({ events }));
    for (const stream of this.#streams) stream.write(message);
  }

  #serve(server: Server): void {
    server.addService(
      { range: rawMethod('KV/Range'), put: rawMethod('KV/Put'), watch: rawMethod('Watch/Watch') },
      {
        range: ({ request }: ServerUnaryCall<IRangeRequest, Buffer>, answer: sendUnaryData<Buffer>) =>
          answer(null, this.#range(request)),
        put: (_: unknown, answer: sendUnaryData<Buffer>) => answer(null, this.putAnswer),
        watch: (stream: WatchStream) => this.#watch(stream),
      },
    );
  }

  #range({ keys_only }: IRangeRequest): Buffer {
    const kvs = [...this.#store.kvs.values()];
    const answer = etcdMethod('KV/Range').responseSerialize({
      header: this.#header(),
      kvs,
      count: String(kvs.length),
    });
    if (keys_only) return answer;
    this.lists += 1;
    return this.spoilList(answer);
  }

  #watch(stream: WatchStream): void {
    const leave = (): boolean => this.#streams.delete(stream);
    stream.on('cancelled', leave);
    stream.on('error', leave);
    stream.on('data', ({ create_request, progress_request }: Partial<IWatchRequest & Requests>) => {
      if (progress_request) stream.write(this.#message({ watch_id: '-1' }));
      if (!create_request) return;
      stream.write(this.#message({ created: true }));
      const from = BigInt(create_request.start_revision);
      const missed = this.#store.log.filter(({ kv }) => BigInt(kv.mod_revision) >= from);
      if (missed.length > 0) stream.write(this.spoilEvents(this.#message({ events: missed })));
      this.#streams.add(stream);
    });
  }

  #message(content: object): Buffer {
    return etcdMethod('Watch/Watch').responseSerialize({ header: this.#header(), ...content });
  }

  #header(): object {
    const { clusterId, revision } = this.#store;
    return { cluster_id: clusterId, revision: String(revision) };
  }
}

/** As decoded, where what is not there is null. */
interface Requests {
  readonly create_request: { readonly start_revision: string } | null;
  readonly progress_request: object | null;
}

function unspoilt(bytes: Buffer): Buffer {
  return bytes;
}

/** Answers that are bytes already, and need not be what the method says. */
function rawMethod(name: string): MethodDefinition<object, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return { ...etcdMethod(name), responseSerialize: same, responseDeserialize: same };
}
