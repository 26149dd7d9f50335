import { forwardedNode, plainAddress, type TrustedProxies } from './client-address.js';
import { type ClientSocket, CONNECTION } from './client-side.js';

/** What is the same for every request on one client connection; worked out once. */
export interface ClientConnection {
  /** Address of the other end. */
  readonly peer: string;
  /** The same as RFC 7239 writes it. */
  readonly peerNode: string;
  /** Port of the other end. */
  readonly peerPort?: number | undefined;
  /** Whether it may say who the client is. */
  readonly trusted: boolean;
  readonly protocol: 'http' | 'https';
  /** Port the client came in on, decimal. */
  readonly localPort: string;
}

/** As its socket carries it. */
export interface RememberedConnection extends ClientConnection {
  /** Those that `trusted` goes by. */
  readonly proxies: TrustedProxies;
}

/** The facts of a connection, which its socket carries for as long as it lives, or until others are trusted. */
export function connectionOf(socket: ClientSocket, proxies: TrustedProxies): ClientConnection {
  const before = socket[CONNECTION];
  if (before?.proxies === proxies) return before;
  const peer = plainAddress(socket.remoteAddress);
  const connection: RememberedConnection = {
    proxies,
    peer,
    peerNode: forwardedNode(peer),
    peerPort: socket.remotePort,
    trusted: proxies.trusts(peer),
    protocol: socket.encrypted === true ? 'https' : 'http',
    localPort: String(socket.localPort ?? ''),
  };
  socket[CONNECTION] = connection;
  return connection;
}
