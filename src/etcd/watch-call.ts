import type { ClientDuplexStream } from '@grpc/grpc-js';
import { EtcdError, toEtcdError } from './errors.js';
import type { WatchMessage, WatchRequest } from './watch.js';

export interface WatchHandlers {
  /** Called in the order of arrival. */
  readonly message: (message: WatchMessage) => void;
  /** Called once, when the stream is over, however it ended; nothing follows it. */
  readonly end: (error: EtcdError) => void;
}

/** An open watch stream. */
export interface WatchCall {
  send(request: WatchRequest): void;
  /** Idempotent; `end` follows with fault `closed`. */
  cancel(): void;
}

/** Reduces the stream's data, error, status and end events to messages and exactly one end. */
export function watchCall(
  stream: ClientDuplexStream<WatchRequest, WatchMessage>,
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
  stream.on('data', (message: WatchMessage) => {
    if (!over) handlers.message(message);
  });
  stream.on('error', (error) => finish(toEtcdError(error)));
  stream.on('end', () => finish(new EtcdError('unavailable', 'the member ended the watch stream')));
  return call;
}
