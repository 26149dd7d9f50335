import { createSocket } from 'node:dgram';
import { createConnection, isIPv6 } from 'node:net';
import type { Clock } from '../../core/clock.js';
import { systemCode } from '../../core/errors.js';

/** Where a DNS server listens. */
export interface DnsServer {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

/** One query to one server. */
export interface Exchange<T> {
  readonly server: DnsServer;
  readonly query: Buffer;
  /** Answers undefined for what is no reply to this query. */
  readonly read: (bytes: Buffer) => T | undefined;
  readonly clock: Clock;
  /** When it aborts, the exchange rejects at once. */
  readonly signal: AbortSignal;
}

/** Why there was no reply; its message completes "DNS server 10.0.0.2:53 …". */
export class ExchangeError extends Error {}

/** A datagram may be lost: it is sent a second time after this long. */
const AGAIN_AFTER_MS = 1_000;
const WITHIN_MS = 3_000;
const LENGTH_BYTES = 2;

/** Asks over UDP, on a socket of its own, so that its port is one more thing that a forger must guess (RFC 5452). */
export function overUdp<T>(exchange: Exchange<T>): Promise<T> {
  const { server, query, read } = exchange;
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
  const send = (): void => socket.send(query);
  return settledOnce(
    exchange,
    () => socket.close(),
    (settle) => {
      socket.on('error', (error) => settle.fail(reasonOf(error)));
      socket.on('message', (bytes) => {
        const reply = read(bytes);
        if (reply !== undefined) settle.succeed(reply);
      });
      // Connected, so that the system drops what others send, and tells when nobody listens there.
      socket.connect(server.port, server.host, () => {
        send();
        const again = exchange.clock.after(AGAIN_AFTER_MS, send);
        settle.onEnd(() => again.cancel());
      });
    },
  );
}

/** Asks over TCP: each message comes after two bytes of length (RFC 1035 section 4.2.2). */
export function overTcp<T>(exchange: Exchange<T>): Promise<T> {
  const { server, query, read } = exchange;
  const socket = createConnection(server.port, server.host);
  return settledOnce(
    exchange,
    () => socket.destroy(),
    (settle) => {
      let received = Buffer.alloc(0);
      socket.on('error', (error) => settle.fail(reasonOf(error)));
      socket.on('end', () => settle.fail('closed the connection without a whole reply'));
      socket.on('data', (piece) => {
        received = Buffer.concat([received, piece]);
        if (received.length < LENGTH_BYTES) return;
        const end = LENGTH_BYTES + received.readUInt16BE(0);
        if (received.length < end) return;
        const reply = read(received.subarray(LENGTH_BYTES, end));
        if (reply === undefined) settle.fail('sent what is no reply');
        else settle.succeed(reply);
      });
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    },
  );
}

interface Settling<T> {
  succeed(reply: T): void;
  fail(reason: string): void;
  /** What else is to be undone at the end. */
  onEnd(undo: () => void): void;
}

/** A promise that settles once, within the time there is, and then leaves neither socket nor timer. */
function settledOnce<T>(
  { clock, signal }: Exchange<T>,
  close: () => void,
  begin: (settling: Settling<T>) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const undo: (() => void)[] = [];
    let isOver = false;
    const finish = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      for (const step of undo) step();
      close();
      settle();
    };
    const fail = (reason: string): void => finish(() => reject(new ExchangeError(reason)));
    const onAbort = (): void => fail('was not waited for');
    const timer = clock.after(WITHIN_MS, () => fail(`did not answer within ${WITHIN_MS / 1000} s`));
    undo.push(
      () => timer.cancel(),
      () => signal.removeEventListener('abort', onAbort),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    begin({
      succeed: (reply) => finish(() => resolve(reply)),
      fail,
      onEnd: (step) => (isOver ? step() : undo.push(step)),
    });
    if (signal.aborted) onAbort();
  });
}

function reasonOf(error: Error): string {
  return `cannot be reached (${systemCode(error) ?? error.message})`;
}
