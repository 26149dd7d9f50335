import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import type * as etcd from 'etcd3';
import { etcdMethod } from './etcd-method.js';

/** Request and response of each method, in the words of etcd's proto. */
export interface Methods {
  'KV/Range': [etcd.IRangeRequest, etcd.IRangeResponse];
  'KV/Put': [etcd.IPutRequest, etcd.IPutResponse];
  'KV/DeleteRange': [etcd.IDeleteRangeRequest, etcd.IDeleteRangeResponse];
  'KV/Txn': [etcd.ITxnRequest, etcd.ITxnResponse];
  'KV/Compact': [etcd.ICompactionRequest, etcd.ICompactionResponse];
  'Lease/LeaseGrant': [etcd.ILeaseGrantRequest, etcd.ILeaseGrantResponse];
  'Lease/LeaseRevoke': [etcd.ILeaseRevokeRequest, etcd.ILeaseRevokeResponse];
  'Lease/LeaseTimeToLive': [etcd.ILeaseTimeToLiveRequest, etcd.ILeaseTimeToLiveResponse];
  'Lease/LeaseLeases': [etcd.ILeaseLeasesRequest, etcd.ILeaseLeasesResponse];
  'Cluster/MemberList': [object, etcd.IMemberListResponse];
  'Maintenance/Status': [object, etcd.IStatusResponse];
  'Maintenance/Alarm': [etcd.IAlarmRequest, etcd.IAlarmResponse];
  'Maintenance/HashKV': [object, object];
  'Auth/Authenticate': [etcd.IAuthenticateRequest, etcd.IAuthenticateResponse];
  'Auth/AuthStatus': [object, { enabled: boolean }];
  'Auth/UserList': [object, object];
}

interface Streams {
  'Watch/Watch': [etcd.IWatchRequest, etcd.IWatchResponse];
  'Lease/LeaseKeepAlive': [etcd.ILeaseKeepAliveRequest, etcd.ILeaseKeepAliveResponse];
}

/** A bidirectional stream whose messages are read one by one. */
export class Stream<Request, Response> {
  readonly #call: ClientDuplexStream<Request, Response>;
  readonly #read: AsyncIterator<Response>;

  constructor(call: ClientDuplexStream<Request, Response>) {
    this.#call = call;
    this.#read = call[Symbol.asyncIterator]();
    // The reader gets the error too; without a listener it would end the process.
    call.on('error', () => {});
  }

  send(request: Request): void {
    this.#call.write(request);
  }

  async next(): Promise<Response> {
    const { value, done } = await this.#read.next();
    if (done === true) throw new Error('the stream ended');
    return value;
  }

  /** Says that no request follows. */
  halfClose(): void {
    this.#call.end();
  }

  /** Says that no request follows; resolves when the server has ended its side. */
  async end(): Promise<void> {
    this.halfClose();
    while ((await this.#read.next()).done !== true);
  }

  cancel(): void {
    this.#call.cancel();
  }
}

/** A watch stream, with the shapes of answer that tests look for. */
export class Watch extends Stream<etcd.IWatchRequest, etcd.IWatchResponse> {
  /** Creates a watcher and waits for its created reply. */
  async create(request: etcd.IWatchCreateRequest): Promise<etcd.IWatchResponse> {
    this.send({ create_request: request });
    return this.next();
  }

  /** The next `count` events, however the server groups them. */
  async events(count: number): Promise<etcd.IEvent[]> {
    const events: etcd.IEvent[] = [];
    while (events.length < count) events.push(...(await this.next()).events);
    return events;
  }
}

/** The etcd v3 API as it is on the wire: nothing is retried, hidden or renamed. */
export class EtcdApi {
  readonly #client: Client;

  /** `http://host:port` */
  constructor(endpoint: string) {
    this.#client = new Client(endpoint.replace('http://', ''), credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      // Otherwise two clients of one address share a connection.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  call<M extends keyof Methods>(method: M, request: Methods[M][0]): Promise<Methods[M][1]> {
    const { path, requestSerialize, responseDeserialize } = etcdMethod(method);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response?: object): void =>
        error === null && response !== undefined ? resolve(response as Methods[M][1]) : reject(error);
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, done);
    });
  }

  watch(): Watch {
    return new Watch(this.#open('Watch/Watch'));
  }

  keepAlive(): Stream<etcd.ILeaseKeepAliveRequest, etcd.ILeaseKeepAliveResponse> {
    return new Stream(this.#open('Lease/LeaseKeepAlive'));
  }

  close(): void {
    this.#client.close();
  }

  #open<M extends keyof Streams>(method: M): ClientDuplexStream<Streams[M][0], Streams[M][1]> {
    const { path, requestSerialize, responseDeserialize } = etcdMethod(method);
    return this.#client.makeBidiStreamRequest<Streams[M][0], Streams[M][1]>(
      path,
      requestSerialize,
      (bytes) => responseDeserialize(bytes) as Streams[M][1],
    );
  }
}

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** What every key that starts with `prefix` lies below. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}
