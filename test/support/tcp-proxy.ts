import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that a test can cut, mend and freeze. */
export interface TcpProxy {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Connections taken so far. */
  readonly accepted: number;
  /** Resets what is open and refuses to carry anything new. */
  cut(): void;
  mend(): void;
  /** Carries nothing more, and says nothing about it: a half-open connection. `mend` does not thaw it. */
  freeze(): void;
  close(): Promise<void>;
}

/** Starts a proxy to `target`, `host:port`. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const sockets = new Set<Socket>();
  let open = true;
  let accepted = 0;
  const reset = (): void => {
    for (const socket of sockets) {
      // Node never closes a handle that is reset while its FIN is on the way (libuv answers EINVAL), and then spins.
      if (socket.writableEnded || socket.readableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  };
  const server = createServer((client) => {
    accepted += 1;
    const far = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, far],
      [far, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    if (open) client.pipe(far).pipe(client);
    else reset();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${portOf(server)}`,
    get accepted() {
      return accepted;
    },
    cut() {
      open = false;
      reset();
    },
    mend() {
      open = true;
    },
    freeze() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    async close() {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
