import type { Explanation, PastExplanation } from '../../../core/explanation.js';
import type { ConfigView, JournalEntry, RouteView } from '../../../core/views.js';

/** The gateway wants another token than the one that was sent. */
export class Locked extends Error {}

/** The gateway refused a call; the message is its own explanation, and the problem has the rest of it. */
export class Refused extends Error {
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(message: string, problem: Readonly<Record<string, unknown>>) {
    super(message);
    this.problem = problem;
  }
}

const TOKEN_KEY = 'watchgate-token';

/**
 * The calls of the page to the gateway that served it. Paths are relative, so that the page also works
 * behind a proxy that puts a prefix before them. The token lives as long as the browser's tab.
 */
export class AdminApi {
  #token = sessionStorage.getItem(TOKEN_KEY) ?? '';

  get hasToken(): boolean {
    return this.#token !== '';
  }

  setToken(token: string): void {
    this.#token = token;
    sessionStorage.setItem(TOKEN_KEY, token);
  }

  routes(): Promise<readonly RouteView[]> {
    return this.#json('api/routes');
  }

  config(): Promise<ConfigView> {
    return this.#json('api/config');
  }

  /** The newest entries, oldest first. */
  journal(limit: number): Promise<readonly JournalEntry[]> {
    return this.#json(`api/events?limit=${limit}`);
  }

  /** What would become of a request. Throws what `call` does, and the reason of the signal. */
  explain(query: URLSearchParams, signal: AbortSignal): Promise<Explanation | PastExplanation> {
    return this.#json(`api/explain?${query}`, { signal });
  }

  async drain(service: string, address: string, verb: 'drain' | 'undrain'): Promise<void> {
    const path = [service, 'endpoints', address, verb].map(encodeURIComponent).join('/');
    await this.call(`api/services/${path}`, { method: 'POST' });
  }

  /** Resolves to an answer that is well. Throws Locked and Refused, and what fetch throws. */
  async call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` };
    const response = await fetch(path, { ...init, headers, cache: 'no-store' });
    if (response.ok) return response;
    if (response.status === 401) throw new Locked('The gateway asks for the admin token.');
    throw await refusal(response);
  }

  async #json<T>(path: string, init: RequestInit = {}): Promise<T> {
    // The page and the gateway are of one build: what answers is what core/views.ts describes.
    return (await this.call(path, init)).json() as Promise<T>;
  }
}

async function refusal(response: Response): Promise<Refused> {
  const answer: unknown = await response.json().catch(() => undefined);
  const problem = typeof answer === 'object' && answer !== null ? { ...answer } : {};
  const detail = 'detail' in problem ? problem.detail : '';
  const told = typeof detail === 'string' && detail !== '';
  return new Refused(told ? detail : `The gateway answered ${response.status}.`, problem);
}
