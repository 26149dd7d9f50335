import type { Socket } from 'node:net';

const CONTINUE = Buffer.from('HTTP/1.1 100');
const HEAD_END = '\r\n\r\n';
const MAX_HEAD = 16 * 1024;

/**
 * Takes `100 Continue` out of what an endpoint sends. A client must be able to read one it did not
 * ask for (RFC 9110 section 15.2); undici treats it as a broken response and closes the connection.
 */
export class InterimFilter {
  #armed = false;
  #held: Buffer | undefined;

  /** Watches `socket` from now on. */
  constructor(socket: Socket) {
    const push = socket.push.bind(socket);
    socket.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean =>
      push(this.#armed && chunk !== null ? this.#strip(chunk) : chunk, encoding);
  }

  /** Call when a request is sent: what comes next is the head of a response. */
  arm(): void {
    this.#armed = true;
  }

  #strip(chunk: Buffer): Buffer {
    let rest = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    while (rest.length > 0) {
      const prefix = Math.min(rest.length, CONTINUE.length);
      if (rest.compare(CONTINUE, 0, prefix, 0, prefix) !== 0) break;
      const end = rest.indexOf(HEAD_END);
      if (end < 0) {
        if (rest.length > MAX_HEAD) break;
        this.#held = rest;
        return Buffer.alloc(0);
      }
      rest = rest.subarray(end + HEAD_END.length);
      if (rest.length === 0) return rest;
    }
    this.#armed = false;
    return rest;
  }
}
