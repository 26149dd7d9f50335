import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../core/clock.js';
import type { ClientResponse } from './client-side.js';
import { VIA } from './request-headers.js';
import { headerLines } from './response-headers.js';

/** The tunnels that are open, so that a gateway that stops can close them. */
export class Tunnels {
  readonly #open = new Set<() => void>();

  get size(): number {
    return this.#open.size;
  }

  add(close: () => void): void {
    this.#open.add(close);
  }

  delete(close: () => void): void {
    this.#open.delete(close);
  }

  closeAll(): void {
    for (const close of [...this.#open]) close();
  }
}

export interface TunnelOptions {
  /** Of the upgrade request; its socket becomes the client's end. */
  readonly response: ClientResponse;
  /** The endpoint's 101 head, as undici gives it. */
  readonly fields: readonly string[];
  readonly endpoint: Duplex;
  readonly traceId: string;
  readonly tunnels: Tunnels;
  readonly clock: Clock;
  /** Longest silence of both ends, milliseconds. */
  readonly idleMs: number;
  readonly onClose: (bytesIn: number, bytesOut: number) => void;
}

/**
 * Relays the endpoint's 101 and then bytes both ways, with backpressure, until either end closes or
 * both fall silent. An end that half-closes lets the other finish what it is sending. Returns the
 * function that breaks it off.
 */
export function openTunnel(options: TunnelOptions): () => void {
  const { response, endpoint, tunnels, clock, idleMs } = options;
  const client = response instanceof ServerResponse ? response.socket : null;
  if (!(response instanceof ServerResponse) || client === null) {
    endpoint.destroy();
    options.onClose(0, 0);
    return () => undefined;
  }
  response.detachSocket(client);
  client.removeAllListeners('readable').removeAllListeners('end');
  client.write(switchingHead(options), 'latin1');

  let bytesIn = 0;
  let bytesOut = 0;
  let activeAt = clock.monotonic();
  let timer: Timer | undefined;
  const breakOff = (): void => {
    client.destroy();
    endpoint.destroy();
  };
  const closed = (): void => {
    if (!client.destroyed || !endpoint.destroyed) return;
    timer?.cancel();
    tunnels.delete(breakOff);
    options.onClose(bytesIn, bytesOut);
    response.emit('close');
  };
  const watchSilence = (): void => {
    const silentMs = clock.monotonic() - activeAt;
    if (silentMs >= idleMs) breakOff();
    else timer = clock.after(idleMs - silentMs, watchSilence);
  };
  client.on('data', (chunk: Buffer) => {
    bytesIn += chunk.length;
    activeAt = clock.monotonic();
  });
  endpoint.on('data', (chunk: Buffer) => {
    bytesOut += chunk.length;
    activeAt = clock.monotonic();
  });
  closesAfter(client, endpoint, closed);
  closesAfter(endpoint, client, closed);
  tunnels.add(breakOff);
  timer = clock.after(idleMs, watchSilence);
  client.pipe(endpoint);
  endpoint.pipe(client);
  return breakOff;
}

/** When `first` has closed, `second` sends what it still holds and closes too. */
function closesAfter(first: Duplex, second: Duplex, closed: () => void): void {
  first.on('error', () => first.destroy());
  first.once('close', () => {
    if (second instanceof Socket) second.destroySoon();
    else second.destroy();
    closed();
  });
}

function switchingHead({ fields, traceId }: TunnelOptions): string {
  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  return `${upgrade}${headerLines(fields)}Via: ${VIA}\r\nx-trace-id: ${traceId}\r\n\r\n`;
}
