import { messageOf, systemCode, WatchgateError } from '../core/errors.js';

const ANSWER_TIMEOUT_MS = 5_000;

/** Three heartbeats of the stream missed: what is connected is not a living gateway. */
const SILENCE_MS = 45_000;

/** One server-sent event of `/api/stream`. */
export interface StreamEvent {
  readonly kind: string;
  readonly data: unknown;
}

export interface AdminClientSettings {
  /** `--admin`, such as `http://127.0.0.1:9901`. */
  readonly url: string;
  readonly token: string | undefined;
}

/** Talks to the admin port of a running gateway. */
export class AdminClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** Throws BAD_FLAG when the URL is none. */
  constructor({ url, token }: AdminClientSettings) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
      throw new WatchgateError('BAD_FLAG', `--admin: "${url}" is not an http:// or https:// URL`);
    }
    this.#base = parsed.href.replace(/\/+$/, '');
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** Throws ADMIN_UNREACHABLE or ADMIN_REFUSED, naming the URL; answers undefined for a 404. */
  async get(path: string): Promise<unknown> {
    const response = await this.#fetch(path, AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    try {
      return await response.json();
    } catch (error) {
      throw new WatchgateError('ADMIN_UNREACHABLE', `${this.#base}${path} did not answer with JSON`, {
        cause: error,
      });
    }
  }

  /** Throws as `get` does; a path that is not there is ADMIN_UNREACHABLE too. */
  async text(path: string): Promise<string> {
    const response = await this.#fetch(path, AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    if (response.ok) return response.text();
    await response.body?.cancel();
    throw new WatchgateError('ADMIN_UNREACHABLE', `${this.#base}${path} is not there`);
  }

  /**
   * The live stream until it ends, which it does when the gateway stops. Throws as `get` does, also
   * when a connection that was there breaks or falls silent.
   */
  async *stream(signal: AbortSignal): AsyncGenerator<StreamEvent> {
    const silence = new AbortController();
    const fallSilent = (): void => silence.abort(new DOMException('no answer', 'TimeoutError'));
    let timer = setTimeout(fallSilent, ANSWER_TIMEOUT_MS);
    try {
      const { body } = await this.#fetch('/api/stream', AbortSignal.any([signal, silence.signal]));
      if (body === null) return;
      let text = '';
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        clearTimeout(timer);
        timer = setTimeout(fallSilent, SILENCE_MS);
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) yield* parseBlock(block);
      }
    } catch (error) {
      throw this.#explain(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #fetch(path: string, signal: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.#base + path, { headers: this.#headers, signal, redirect: 'error' });
    } catch (error) {
      throw this.#explain(error);
    }
    if (response.ok || response.status === 404) return response;
    throw this.#refused(response.status, await detailOf(response));
  }

  #refused(status: number, detail: string): WatchgateError {
    if (status === 401) {
      const hint = 'set WATCHGATE_ADMIN_TOKEN or --token to its adminToken';
      return new WatchgateError('ADMIN_REFUSED', `${this.#base} refused the token: ${hint}`);
    }
    // A gateway that is starting, stopping or full may answer a moment later.
    const code = status >= 500 ? 'ADMIN_UNREACHABLE' : 'ADMIN_REFUSED';
    return new WatchgateError(code, `${this.#base} answered ${status}${detail}`);
  }

  #explain(error: unknown): WatchgateError {
    if (error instanceof WatchgateError) return error;
    const why = `is a gateway running there? (${reasonOf(error)})`;
    return new WatchgateError('ADMIN_UNREACHABLE', `cannot reach ${this.#base}: ${why}`, { cause: error });
  }
}

/** A comment or an event of no kind is nothing. */
function* parseBlock(block: string): Generator<StreamEvent> {
  const lines = block.split('\n');
  const field = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const kind = field('event');
  const data = field('data');
  if (kind !== undefined && data !== undefined) yield { kind, data: JSON.parse(data) };
}

/** What a problem+json answer says, to follow its status; empty when it says nothing. */
async function detailOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => undefined);
  const told = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : undefined;
  return typeof told === 'string' ? `: ${told}` : '';
}

/** fetch hides the reason (ECONNREFUSED) one `cause` down. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer';
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return systemCode(cause) ?? messageOf(cause);
}
