import type { IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3';
import { EtcdError, toEtcdError, watchRefusal } from './errors.js';
import { type Header, type KeyValue, readHeader, readKeyValue } from './wire.js';

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** Of a delete, only key and modRevision say anything. */
  readonly kv: KeyValue;
  /** The key before the event, when asked for and not compacted away. */
  readonly previous: KeyValue | undefined;
}

/** One message of a watch stream, undigested. */
export interface WatchMessage {
  readonly header: Header;
  /** Decimal; -1 for a refused create and for the answer to a progress request. */
  readonly watchId: string;
  readonly created: boolean;
  /** Why the server ended the watch; undefined while it lives. */
  readonly refused: EtcdError | undefined;
  /** Oldest revision still there, when the watch asked for an older one; else 0. */
  readonly compactRevision: bigint;
  /** More messages of the same revision follow. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

export interface WatchHandlers {
  /** Called in the order of arrival. */
  readonly message: (message: WatchMessage) => void;
  /** Called once, when the stream is over, however it ended; nothing follows it. */
  readonly end: (error: EtcdError) => void;
}

/** An open watch stream. */
export interface WatchCall {
  /** Sends a request as it is: create, cancel or progress. */
  send(request: IWatchRequest): void;
  /** Idempotent; `end` follows with fault `closed`. */
  cancel(): void;
}

type Stream = IDuplexStream<IWatchRequest, IWatchResponse>;

/** Reduces the stream's data, error, status and end events to messages and exactly one end. */
export function watchCall(
  stream: Stream,
  handlers: WatchHandlers,
  onEnd: (call: WatchCall) => void,
): WatchCall {
  let over = false;
  const finish = (error: EtcdError): void => {
    if (over) return;
    over = true;
    onEnd(call);
    handlers.end(error);
  };
  const call: WatchCall = {
    send(request) {
      if (!over) stream.write(request);
    },
    cancel() {
      if (over) return;
      stream.cancel();
      finish(new EtcdError('closed', 'the watch was closed'));
    },
  };
  stream.on('data', (response) => {
    if (!over) handlers.message(readMessage(response));
  });
  stream.on('error', (error) => finish(toEtcdError(error)));
  stream.on('end', () => finish(new EtcdError('unavailable', 'the member ended the watch stream')));
  return call;
}

/** Declared as `Put`, sent as `PUT`: the declarations name etcd3's enum, the wire names the proto's. */
function readType(type: string): WatchEvent['type'] {
  return type.toUpperCase() === 'PUT' ? 'put' : 'delete';
}

function readMessage(response: IWatchResponse): WatchMessage {
  return {
    header: readHeader(response.header),
    watchId: response.watch_id,
    created: response.created,
    refused: response.canceled ? watchRefusal(response.cancel_reason) : undefined,
    compactRevision: BigInt(response.compact_revision),
    fragment: response.fragment,
    events: response.events.map((event) => ({
      type: readType(event.type),
      kv: readKeyValue(event.kv),
      previous: event.prev_kv ? readKeyValue(event.prev_kv) : undefined,
    })),
  };
}
