import cluster, { type Worker } from 'node:cluster';

/** What Node says to a worker as it hands over a connection, and the worker's answer to it. */
interface Handover {
  readonly cmd?: unknown;
  readonly act?: unknown;
  readonly seq?: unknown;
  readonly ack?: unknown;
}

/** A connection that no process reads from. */
interface Handle {
  /** Negative once it is closed. */
  readonly fd: number;
  close(): void;
}

/**
 * Keeps the connections that are on their way to a worker from dying with it. Node's round robin waits
 * for the worker to say that it took one (lib/internal/cluster/round_robin_handle.js), and a dead worker
 * never does: the client would hang. Here "not taken" is said in its place, so that another worker gets the
 * connection; none of its bytes has been read. Should a Node speak otherwise, this does nothing.
 */
export function rescueConnections(worker: Worker): void {
  const onTheirWay = new Map<unknown, Handle>();
  const child = worker.process;
  child.send = new Proxy(child.send, {
    apply(send, self, args: unknown[]) {
      const [message, handle] = args;
      if (isHandover(message) && message.act === 'newconn' && isHandle(handle))
        onTheirWay.set(message.seq, handle);
      return Reflect.apply(send, self, args);
    },
  });
  child.on('internalMessage', (message: unknown) => {
    if (isHandover(message)) onTheirWay.delete(message.ack);
  });
  const giveBack = (): void => {
    for (const [seq, handle] of [...onTheirWay]) {
      if (handle.fd < 0) continue;
      if (someoneListens()) child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: seq, accepted: false });
      else handle.close();
    }
  };
  worker.once('exit', () => {
    if (!worker.isConnected()) giveBack();
    // Its last words are still to be read.
    else worker.once('disconnect', giveBack);
  });
}

function someoneListens(): boolean {
  return Object.values(cluster.workers ?? {}).some((worker) => worker?.isConnected());
}

function isHandover(message: unknown): message is Handover {
  return (
    typeof message === 'object' && message !== null && 'cmd' in message && message.cmd === 'NODE_CLUSTER'
  );
}

function isHandle(handle: unknown): handle is Handle {
  return typeof handle === 'object' && handle !== null && 'fd' in handle && 'close' in handle;
}
