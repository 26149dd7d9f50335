import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/**
 * Sends the content of one request as it comes, no faster than the endpoint takes it: in chunks (RFC 9112 section 7.1)
 * or as it is, when its length was announced.
 */
export class RequestBodyWriter {
  readonly #socket: Socket;
  readonly #body: Readable;
  /** Bytes still to come of those announced; undefined when it goes in chunks. */
  #left: number | undefined;
  readonly #onBroken: () => void;
  readonly #onDrain = (): void => void this.#body.resume();
  #complete = false;
  #stopped = false;

  /**
   * `length`: bytes announced; undefined for chunks. `onBroken`: the content broke off, or was not of that length; the
   * endpoint must not take it for complete, nor a part of it for another request.
   */
  constructor(socket: Socket, body: Readable, length: number | undefined, onBroken: () => void) {
    this.#socket = socket;
    this.#body = body;
    this.#left = length;
    this.#onBroken = onBroken;
    body.on('data', (chunk: Buffer) => this.#write(chunk));
    body.once('end', () => this.#end());
    body.once('error', () => this.#break());
    body.once('close', () => this.#break());
    socket.on('drain', this.#onDrain);
  }

  /** Whether all of it has left for the endpoint. */
  get complete(): boolean {
    return this.#complete && this.#socket.writableLength === 0;
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
    if (this.#left !== undefined) {
      this.#left -= chunk.length;
      if (this.#left < 0) this.#break();
      else if (!this.#socket.write(chunk)) this.#body.pause();
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
    if (this.#left !== undefined && this.#left !== 0) return this.#break();
    this.#complete = true;
    this.#stopped = true;
    this.#socket.off('drain', this.#onDrain);
    if (this.#left === undefined) this.#socket.write('0\r\n\r\n', 'latin1');
  }

  #break(): void {
    if (this.#stopped) return;
    this.stop();
    this.#onBroken();
  }
}
