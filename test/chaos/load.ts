import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { type Random, randomBelow } from '../../src/core/random.js';

/** What a client saw of one request. */
export interface Asked {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** Milliseconds, `performance.now()`. */
  readonly sentAt: number;
  answeredAt: number;
  /** 0 when the connection broke instead. */
  status: number;
  /** Whether the answer was to this request and whole. */
  right: boolean;
  /** How often an answer, or the end of hope for one, came. */
  answers: number;
  error: string;
}

const CLIENTS = 24;
const LARGE_BODY = Buffer.alloc(100 * 1024, 'x');
/** More than the gateway may take for a request in all. */
const PATIENCE_MS = 20_000;

/** A steady load of requests with unique ids, a third of them POSTs, from clients that keep their connections. */
export class Load {
  readonly asked: Asked[] = [];
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #clients: Promise<void>[];
  readonly #answers = new EventEmitter();
  #answered = 0;
  #stopped = false;

  constructor(url: string, random: Random) {
    this.#random = random;
    this.#pool = new Pool(url, { connections: CLIENTS, pipelining: 1, bodyTimeout: PATIENCE_MS });
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client());
  }

  /** Resolves when so many requests have been answered. Rejects when `signal` aborts before. */
  async untilAnswered(count: number, signal: AbortSignal): Promise<void> {
    while (this.#answered < count) await once(this.#answers, 'answer', { signal });
  }

  /** Resolves when every request under way has been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    await this.#pool.close();
  }

  async #client(): Promise<void> {
    while (!this.#stopped) {
      await this.#ask();
      await pause(randomBelow(this.#random, 60));
    }
  }

  async #ask(): Promise<void> {
    const method = this.#random() < 1 / 3 ? 'POST' : 'GET';
    const asked: Asked = {
      id: `${method}-${this.asked.length}`,
      method,
      sentAt: performance.now(),
      answeredAt: 0,
      status: 0,
      right: false,
      answers: 0,
      error: '',
    };
    this.asked.push(asked);
    const large = this.#random() < 0.05;
    try {
      const { statusCode, body } = await this.#pool.request({
        method,
        path: `/chaos/${asked.id}`,
        headers: { 'x-session': String(randomBelow(this.#random, 100)) },
        body: method === 'GET' ? null : large ? LARGE_BODY : 'hi',
        headersTimeout: PATIENCE_MS,
      });
      const text = await body.text();
      asked.status = statusCode;
      asked.right = text === asked.id;
      if (!asked.right) asked.error = text;
    } catch (error) {
      asked.error = String(error);
    }
    asked.answers += 1;
    asked.answeredAt = performance.now();
    this.#answered += 1;
    this.#answers.emit('answer');
  }
}
