import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** As many as a listening socket lets wait, with room to spare. */
const AT_ONCE = 200;
/** A piece is 64 KiB at most: about 160 KiB/s for each reader. */
const BETWEEN_PIECES_MS = 400;

async function open(port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return socket;
}

/** Ends a client and tells whether it was still connected. */
function end(socket: Socket): boolean {
  const connected = !socket.destroyed && !socket.readableEnded;
  socket.destroy();
  return connected;
}

/** Clients that have had one answer each and keep their connections. */
export async function openIdle(port: number, count: number): Promise<() => string> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, async () => {
      const socket = await open(port, '/');
      await once(socket, 'data');
      socket.on('error', () => undefined);
      socket.resume();
      return socket;
    });
    sockets.push(...(await Promise.all(some)));
  }
  return () => `${sockets.filter(end).length} still connected`;
}

/** Clients that each take a large answer in pieces, a while after one another. */
export async function openSlowReaders(port: number, count: number, bytes: number): Promise<() => string> {
  let taken = 0;
  const sockets = await Promise.all(Array.from({ length: count }, () => open(port, '/large')));
  const timers = new Set<NodeJS.Timeout>();
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      taken += piece.length;
      socket.pause();
      const timer = setTimeout(() => {
        timers.delete(timer);
        socket.resume();
      }, BETWEEN_PIECES_MS);
      timers.add(timer);
    });
  }
  return () => {
    for (const timer of timers) clearTimeout(timer);
    const connected = sockets.filter(end).length;
    const share = ((100 * taken) / (count * bytes)).toFixed(1);
    return `${connected} still reading, ${share} % of it taken`;
  };
}
