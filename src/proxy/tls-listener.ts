import { constants } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { BACKLOG } from './open-connections.js';

/** PEM texts: a certificate with the chain above it, and its private key. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface TlsOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly certificate: Certificate;
  readonly minVersion: '1.2' | '1.3';
}

export interface TlsTakers {
  readonly takeHttp1: (socket: TLSSocket) => void;
  readonly takeHttp2: (socket: TLSSocket) => void;
}

/** Durations in milliseconds. */
export interface TlsLimits {
  /** The handshake counts as part of the first head. */
  readonly headersTimeout: number;
  readonly maxConnections: number;
}

/**
 * What TLS 1.2 may use: forward secrecy and authenticated encryption only, as HTTP/2 demands (RFC 9113 section
 * 9.2.2) and Mozilla's intermediate profile has it. TLS 1.3 knows no others.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Listens for TLS, and hands each connection on by the protocol that was agreed on in it (ALPN, RFC 7301). */
export class TlsListener {
  readonly #server: Server;
  readonly #minVersion: TlsOptions['minVersion'];
  /** TCP connections, those in the handshake included. */
  readonly #sockets = new Set<Socket>();

  constructor(
    { certificate, minVersion }: TlsOptions,
    { headersTimeout, maxConnections }: TlsLimits,
    { takeHttp1, takeHttp2 }: TlsTakers,
  ) {
    this.#minVersion = minVersion;
    this.#server = createServer({
      ...secureContext(certificate, minVersion),
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: headersTimeout,
      noDelay: true,
    });
    this.#server.maxConnections = maxConnections;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('secureConnection', (socket) => {
      if (socket.alpnProtocol === 'h2') takeHttp2(socket);
      else takeHttp1(socket);
    });
    // The client's affair; Node has closed the connection.
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Resolves when it listens; rejects with the system's error. */
  async listen({ host, port }: TlsOptions['listen']): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has an address');
    return address;
  }

  /** Shown to clients from now on; connections that are open stay. Throws when the two do not belong together. */
  setCertificate(certificate: Certificate): void {
    this.#server.setSecureContext(secureContext(certificate, this.#minVersion));
  }

  /** Stops listening. Resolves when the last connection has closed. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
  }

  /** Breaks off every connection. */
  breakOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function secureContext(
  { cert, key }: Certificate,
  minVersion: TlsOptions['minVersion'],
): SecureContextOptions {
  return {
    cert,
    key,
    minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: CIPHERS,
    // RFC 9113 section 9.2.1 forbids renegotiation, and nothing here needs it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}
