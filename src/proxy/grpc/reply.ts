import type { IncomingHttpHeaders } from 'node:http2';
import type { Cause } from '../../core/causes.js';
import { problem } from '../problem.js';
import type { StreamResponse } from '../stream-response.js';
import type { ResponseFields } from './answer.js';
import { failureHead, failureTrailers } from './status.js';

export interface ReplyTo {
  readonly traceId: string;
  /** Whether the request is a call of gRPC. */
  readonly isGrpc: boolean;
}

const VIA = '2.0 watchgate';

/** The response to one call. An answer without a body is one frame, as it was when it came. */
export class GrpcReply {
  readonly #response: StreamResponse;
  readonly #to: ReplyTo;
  /** A head that is the whole answer, until its attempt has ended. */
  #whole: { readonly status: number; readonly headers: string[] } | undefined;
  #begun = false;
  #bytes = 0;

  constructor(response: StreamResponse, to: ReplyTo) {
    this.#response = response;
    this.#to = to;
  }

  /** Bytes of body written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `last`: there is nothing after it. */
  head(fields: ResponseFields, last: boolean): void {
    const status = fields[':status'] ?? 200;
    const headers = [...flat(fields), 'via', VIA, 'x-trace-id', this.#to.traceId];
    if (last) {
      this.#whole = { status, headers };
      return;
    }
    this.#begun = true;
    this.#safely(() => {
      this.#response.writeHead(status, '', headers);
      this.#response.flushHeaders();
    });
  }

  /** False when the client is behind; `onDrain` is called when it has caught up. */
  write(chunk: Buffer, onDrain: () => void): boolean {
    this.#bytes += chunk.length;
    if (this.#response.write(chunk)) return true;
    this.#response.once('drain', onDrain);
    return false;
  }

  end(trailers: IncomingHttpHeaders): void {
    const whole = this.#whole;
    this.#safely(() => {
      if (whole !== undefined) return this.#response.endWithHead(whole.status, whole.headers);
      this.#response.addTrailers(pairs(trailers));
      this.#response.end();
    });
  }

  /**
   * An answer of the gateway's own. A call of gRPC ends with a status even in the middle of a response: the
   * client then knows why, and takes nothing for complete.
   */
  fail(cause: Cause): void {
    const { traceId, isGrpc } = this.#to;
    if (!isGrpc && this.#begun) this.#response.destroy();
    else if (!isGrpc) this.#explain(cause);
    else if (!this.#begun) this.#response.endWithHead(200, failureHead(cause, traceId));
    else {
      this.#response.addTrailers(failureTrailers(cause));
      this.#response.end();
    }
  }

  /** What an endpoint sends must not end the process, whatever Node may throw for. */
  #safely(write: () => void): void {
    try {
      write();
    } catch {
      this.#response.destroy();
    }
  }

  #explain(cause: Cause): void {
    const { status, reason, headers, body } = problem(cause, this.#to.traceId);
    this.#response.writeHead(status, reason, headers);
    this.#bytes += body.length;
    this.#response.end(body);
  }
}

/** Without what is the gateway's own to say. */
function pairs(fields: IncomingHttpHeaders): [string, string][] {
  const found: [string, string][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(':') || name === 'x-trace-id') continue;
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) found.push([name, one]);
  }
  return found;
}

function flat(fields: IncomingHttpHeaders): string[] {
  return pairs(fields).flat();
}
