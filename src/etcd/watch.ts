import { type EtcdError, watchRefusal } from './errors.js';
import type { Method } from './method.js';
import { ProtobufReader } from './protobuf-reader.js';
import { ProtobufWriter } from './protobuf-writer.js';
import { type Header, type KeyValue, once, present, readHeader, readKeyValue } from './wire.js';

/** What a watch is asked for. */
export interface WatchCreate {
  readonly kind: 'create';
  /** A key, or the first key of a range. */
  readonly key: string | Buffer;
  /** First key after the range; absent means just `key`. */
  readonly end?: Buffer;
  /** Events from this revision on; absent for those to come. */
  readonly from?: bigint;
}

export type WatchRequest = WatchCreate | { readonly kind: 'progress' };

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** Of a delete, only key and revision say anything. */
  readonly kv: KeyValue;
}

/** One message of a watch stream, undigested. */
export interface WatchMessage {
  readonly header: Header;
  readonly created: boolean;
  /** Why the server ended the watch; undefined while it lives. */
  readonly refused: EtcdError | undefined;
  /** Oldest revision still there, when the watch asked for an older one; else 0. */
  readonly compactRevision: bigint;
  /** More messages of the same revision follow. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

/** A stream of requests for one of messages. Large revisions come in fragments, and progress is told of unasked too. */
export const watch: Method<WatchRequest, WatchMessage> = {
  path: '/etcdserverpb.Watch/Watch',
  write: (request) =>
    request.kind === 'create'
      ? new ProtobufWriter().message(1, creation(request)).finish()
      : new ProtobufWriter().message(3, new ProtobufWriter()).finish(),
  read: readMessage,
};

const NO_END = Buffer.alloc(0);

/** `WatchCreateRequest`. */
function creation({ key, end = NO_END, from = 0n }: WatchCreate): ProtobufWriter {
  return new ProtobufWriter().bytes(1, key).bytes(2, end).integer(3, from).bool(4, true).bool(8, true);
}

/** `WatchResponse`. */
function readMessage(bytes: Buffer): WatchMessage {
  const events: WatchEvent[] = [];
  let header: Header | undefined;
  let compactRevision = 0n;
  let [created, canceled, fragment] = [false, false, false];
  let reason = '';
  const reader = new ProtobufReader(bytes);
  while (reader.next()) {
    if (reader.field === 11) events.push(reader.message(readEvent));
    else if (reader.field === 1) header = once(header, reader, readHeader);
    // There is one watch on each stream; and its id is -1 when it is refused, or the answer is to a progress request.
    else if (reader.field === 2) reader.skipInteger();
    else if (reader.field === 3) created = reader.bool();
    else if (reader.field === 4) canceled = reader.bool();
    else if (reader.field === 5) compactRevision = reader.int64();
    else if (reader.field === 6) reason = reader.text();
    else if (reader.field === 7) fragment = reader.bool();
    else reader.skip();
  }
  const refused = canceled ? watchRefusal(reason) : undefined;
  return { header: present(header, reader, 'header'), created, refused, compactRevision, fragment, events };
}

/** `Event`. */
function readEvent(reader: ProtobufReader): WatchEvent {
  let type = 0n;
  let kv: KeyValue | undefined;
  while (reader.next()) {
    if (reader.field === 1) type = reader.uint64();
    else if (reader.field === 2) kv = once(kv, reader, readKeyValue);
    // The key before the event, which we do not ask for.
    else if (reader.field === 3) reader.message(readKeyValue);
    else reader.skip();
  }
  // A kind that we do not know may be the end of a key or its beginning: it must not be taken for either.
  if (type > 1n) throw reader.problem(`there is no event of type ${type}`);
  return { type: type === 0n ? 'put' : 'delete', kv: present(kv, reader, 'key in an event') };
}
