import type { JournalEntry } from '../../../core/views.js';
import type { StreamSnapshot } from '../../snapshot.js';
import { type AdminApi, Locked } from './admin-api.js';

export interface StreamListener {
  /** The stream is there; the first snapshot follows. */
  opened(): void;
  snapshot(snapshot: StreamSnapshot): void;
  entry(entry: JournalEntry): void;
  /** The stream ended or never began; it is tried again by itself. */
  cut(): void;
  /** The gateway wants a token. Nothing is tried until `follow` is called again. */
  locked(): void;
}

/** The gateway says something at least every 15 s. */
const SILENCE_MS = 20_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4_000;
/** A stream that lasted so long was well: the next pause is short again. */
const WELL_AFTER_MS = 10_000;

/** Follows `/api/stream` for as long as the page is open. EventSource cannot send a token, so this is fetch. */
export class LiveStream {
  readonly #api: AdminApi;
  readonly #listener: StreamListener;

  constructor(api: AdminApi, listener: StreamListener) {
    this.#api = api;
    this.#listener = listener;
  }

  /** Resolves when the gateway wants a token. */
  async follow(): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      const began = performance.now();
      try {
        await this.#once();
      } catch (error) {
        if (error instanceof Locked) return this.#listener.locked();
      }
      if (performance.now() - began > WELL_AFTER_MS) failures = 0;
      this.#listener.cut();
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS));
    }
  }

  /** Reads one stream to its end. */
  async #once(): Promise<void> {
    const silence = new AbortController();
    const giveUp = (): void => silence.abort();
    let timer = setTimeout(giveUp, SILENCE_MS);
    try {
      const { body } = await this.#api.call('api/stream', { signal: silence.signal });
      if (body === null) return;
      this.#listener.opened();
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(giveUp, SILENCE_MS);
        const blocks = (text + value).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#receive(block);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #receive(block: string): void {
    const [, kind, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
    if (kind === undefined || data === undefined) return;
    if (kind === 'snapshot') this.#listener.snapshot(JSON.parse(data));
    else this.#listener.entry(JSON.parse(data));
  }
}

/** Coming back to the page or to the network is a reason not to wait on. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      removeEventListener('focus', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    addEventListener('focus', done);
  });
}
