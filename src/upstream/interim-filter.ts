import type { Socket } from 'node:net';

const INTERIM = Buffer.from('HTTP/1.1 1');
const CONTINUE = '00';
const SWITCHING = '01';
const HEAD_END = '\r\n\r\n';
const MAX_HEAD = 16 * 1024;

/**
 * Takes `100 Continue` out of what an endpoint sends. A client must be able to read one it did not
 * ask for (RFC 9110 section 15.2); undici treats it as a broken response and closes the connection.
 */
export class InterimFilter {
  #armed = false;
  #heard = false;
  #held: Buffer | undefined;

  /** Watches `socket` from now on. */
  constructor(socket: Socket) {
    const push = socket.push.bind(socket);
    socket.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean =>
      push(this.#armed && chunk !== null ? this.#strip(chunk) : chunk, encoding);
  }

  /** Whether anything has come since the last request. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Call when a request is sent: what comes next is the head of a response. */
  arm(): void {
    this.#armed = true;
    this.#heard = false;
  }

  #strip(chunk: Buffer): Buffer {
    this.#heard = true;
    let rest = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    const passed: Buffer[] = [];
    while (rest.length > 0) {
      const prefix = Math.min(rest.length, INTERIM.length);
      const interim = rest.compare(INTERIM, 0, prefix, 0, prefix) === 0;
      const end = interim ? rest.indexOf(HEAD_END) : -1;
      if (interim && end < 0 && rest.length <= MAX_HEAD) {
        this.#held = rest;
        break;
      }
      const status = rest.toString('latin1', INTERIM.length, INTERIM.length + 2);
      if (!interim || end < 0 || status === SWITCHING) {
        this.#armed = false;
        passed.push(rest);
        break;
      }
      const head = rest.subarray(0, end + HEAD_END.length);
      if (status !== CONTINUE) passed.push(head);
      rest = rest.subarray(head.length);
    }
    return passed.length === 1 && passed[0] !== undefined ? passed[0] : Buffer.concat(passed);
  }
}
