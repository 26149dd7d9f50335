import { connect } from 'node:net';
import { type RawMessage, readMessage, statusOf } from './raw-http.js';
import { Wire, type WireState } from './wire.js';

export interface RawResponse extends RawMessage {
  readonly status: number;
  /** 1xx responses that came before it. */
  readonly interim: readonly RawMessage[];
}

/** The connection ended inside a message. */
export class Truncated extends Error {
  readonly state: WireState;
  readonly bytes: Buffer;

  constructor(state: WireState, bytes: Buffer) {
    super(`${state} inside a message: ${JSON.stringify(bytes.toString('latin1').slice(0, 600))}`);
    this.state = state;
    this.bytes = bytes;
  }
}

/** A TCP client that sends exactly the bytes it is given. */
export class RawClient extends Wire {
  #offset = 0;

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawClient(socket)));
    });
  }

  /** The next final response. Rejects with `Truncated` when the connection ends first. */
  response(options: { toHead?: boolean } = {}): Promise<RawResponse> {
    const interim: RawMessage[] = [];
    return this.until('a response', () => {
      for (;;) {
        const message = readMessage(this.received(), this.#offset, {
          kind: 'response',
          bodiless: options.toHead === true,
          ended: this.state === 'ended',
        });
        if (message === undefined) {
          if (this.state !== 'open') throw new Truncated(this.state, this.received().subarray(this.#offset));
          return undefined;
        }
        this.#offset = message.end;
        const status = statusOf(message);
        if (status >= 200 || status === 101) return { ...message, status, interim };
        interim.push(message);
      }
    });
  }

  /** Resolves once `text` is among the bytes received. */
  async sees(text: string): Promise<void> {
    await this.until(JSON.stringify(text), () => this.received().includes(text, 0, 'latin1') || undefined);
  }

  /** Bytes received after the last response taken. */
  rest(): Buffer {
    return this.received().subarray(this.#offset);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Sends `bytes` on a connection of their own and returns the response. */
export async function rawRequest(port: number, bytes: string | Buffer): Promise<RawResponse> {
  const client = await RawClient.connect(port);
  try {
    await client.write(bytes);
    return await client.response({ toHead: bytes.slice(0, 5).toString() === 'HEAD ' });
  } finally {
    client.destroy();
  }
}
