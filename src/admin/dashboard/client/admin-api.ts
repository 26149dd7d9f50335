import type { ConfigView, JournalEntry, RouteView } from '../../../core/views.js';

/** The gateway wants another token than the one that was sent. */
export class Locked extends Error {}

/** The gateway refused a call; the message is its own explanation. */
export class Refused extends Error {}

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
    throw new Refused(await explanation(response));
  }

  async #json<T>(path: string): Promise<T> {
    // The page and the gateway are of one build: what answers is what core/views.ts describes.
    return (await this.call(path)).json() as Promise<T>;
  }
}

async function explanation(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined);
  const detail = typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : '';
  return typeof detail === 'string' && detail !== '' ? detail : `The gateway answered ${response.status}.`;
}
