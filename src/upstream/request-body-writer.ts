import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/**
 * Sends the content of one request as it comes, no faster than the endpoint takes it: in chunks (RFC 9112 section 7.1)
 * or as it is, when its length was announced.
 */
export class RequestBodyWriter {
  readonly #socket: Socket;
  readonly #body: Readable;
  readonly #chunked: boolean;
  readonly #onBroken: () => void;
  readonly #onDrain = (): void => void this.#body.resume();
  #complete = false;
  #stopped = false;

  /** `onBroken`: the content broke off; the endpoint must not take it for complete. */
  constructor(socket: Socket, body: Readable, chunked: boolean, onBroken: () => void) {
    this.#socket = socket;
    this.#body = body;
    this.#chunked = chunked;
    this.#onBroken = onBroken;
    body.on('data', (chunk: Buffer) => this.#write(chunk));
    body.once('end', () => this.#end());
    body.once('error', () => this.#break());
    body.once('close', () => this.#break());
    socket.on('drain', this.#onDrain);
  }

  /** Whether all of it has been handed to the socket. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Sends no more, and lets go of the content. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#socket.off('drain', this.#onDrain);
    this.#body.destroy();
  }

  #write(chunk: Buffer): void {
    if (this.#stopped || chunk.length === 0) return;
    if (!this.#chunked) {
      if (!this.#socket.write(chunk)) this.#body.pause();
      return;
    }
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(chunk);
    const keepsUp = this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
    if (!keepsUp) this.#body.pause();
  }

  #end(): void {
    if (this.#stopped) return;
    this.#complete = true;
    this.#stopped = true;
    this.#socket.off('drain', this.#onDrain);
    if (this.#chunked) this.#socket.write('0\r\n\r\n', 'latin1');
  }

  #break(): void {
    if (this.#stopped) return;
    this.stop();
    this.#onBroken();
  }
}
