import { Pool } from 'undici';
import type { Clock } from '../core/clock.js';
import { type CatalogNames, readCatalog, readEntries, type ServiceEntry } from './entries.js';
import { ConsulError, refusal, toConsulError } from './errors.js';

/** PEM texts. `cert` and `key` go together. */
export interface ConsulTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

export interface ConsulAgentOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoint: string;
  /** Absent or empty: none is sent, and the agent's own applies. */
  readonly token?: string | undefined;
  readonly tls?: ConsulTls | undefined;
  readonly clock: Clock;
}

/** What is asked for, and from where on. */
export interface QueryOptions {
  /** Absent: that of the agent. */
  readonly datacenter: string | undefined;
  /** Answers when the registry is past this; 0 answers at once. */
  readonly index: bigint;
  readonly waitMs: number;
  /** Whether the leader shall first make sure that it still is one. */
  readonly consistent?: boolean;
  /** Gives the query up. */
  readonly signal: AbortSignal;
}

/** An answer to a blocking query. */
export interface Answer<T> {
  /** `X-Consul-Index` as it is: it may be 0, or have gone backwards. */
  readonly index: bigint;
  /** Whether the token may not see all there is. Agents before 1.11 do not say so. */
  readonly filtered: boolean;
  readonly value: T;
}

/** A service as the agent shall keep it; https://developer.hashicorp.com/consul/api-docs/agent/service. */
export interface ServiceDefinition {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
  readonly Weights: { readonly Passing: number; readonly Warning: number };
  readonly Check: {
    readonly CheckID: string;
    readonly Name: string;
    readonly TTL: string;
    readonly Status: CheckStatus;
    readonly DeregisterCriticalServiceAfter: string;
  };
}

export type CheckStatus = 'passing' | 'critical';

const CALL_DEADLINE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** For the way there and back, and for an agent that is busy. */
const SLACK_MS = 2_000;

interface Call {
  readonly method?: 'GET' | 'PUT';
  readonly path: string;
  readonly body?: unknown;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * One Consul agent: the calls that are made of it. Each has a deadline and may be repeated; each
 * rejects with ConsulError only. A blocking query holds a connection while it waits.
 */
export class ConsulAgent {
  readonly endpoint: string;
  readonly #options: ConsulAgentOptions;
  readonly #pool: Pool;
  readonly #closed = new AbortController();

  constructor(options: ConsulAgentOptions) {
    const { endpoint, tls = {} } = options;
    this.endpoint = endpoint;
    this.#options = options;
    this.#pool = new Pool(endpoint, {
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS, ...tls },
      // The deadline of each call covers its head and its body.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** The registrations of a service whose checks all pass, once they are past the index or the wait is over. */
  health(service: string, query: QueryOptions): Promise<Answer<readonly ServiceEntry[]>> {
    const path = `/v1/health/service/${encodeURIComponent(service)}`;
    return this.#query(path, query, readEntries, (entries) => entries.length === 0, { passing: '1' });
  }

  /** The names of all services, in the same way. */
  services(query: QueryOptions): Promise<Answer<CatalogNames>> {
    return this.#query('/v1/catalog/services', query, readCatalog, (names) => names.length === 0);
  }

  /** Registers a service, or replaces the one of the same id. */
  async register(definition: ServiceDefinition): Promise<void> {
    await this.#call({ method: 'PUT', path: '/v1/agent/service/register', body: definition });
  }

  /** Sets a TTL check. Rejects with `not-found` when this agent has no such check. */
  async updateCheck(id: string, status: CheckStatus, output: string, deadlineMs: number): Promise<void> {
    const path = `/v1/agent/check/update/${encodeURIComponent(id)}`;
    await this.#call({ method: 'PUT', path, body: { Status: status, Output: output }, deadlineMs });
  }

  /** One that is not registered is no error, or `not-found`, by the agent's version. */
  async deregister(id: string): Promise<void> {
    await this.#call({ method: 'PUT', path: `/v1/agent/service/deregister/${encodeURIComponent(id)}` });
  }

  /** Ends every connection; calls under way reject. Idempotent. */
  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    // Nobody waits for the sockets of an agent that was left.
    void this.#pool.destroy().catch(() => {});
  }

  async #query<T>(
    path: string,
    { datacenter, index, waitMs, consistent = false, signal }: QueryOptions,
    read: (json: unknown) => T | undefined,
    isEmpty: (value: T) => boolean,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer<T>> {
    const query = new URLSearchParams(more);
    if (datacenter !== undefined) query.set('dc', datacenter);
    if (consistent) query.set('consistent', '');
    if (index > 0n) {
      query.set('index', String(index));
      query.set('wait', `${waitMs}ms`);
    }
    // Consul adds up to a sixteenth of the wait, so that a fleet does not come back in step (agent/consul/rpc.go).
    const deadlineMs = index > 0n ? waitMs + waitMs / 16 + SLACK_MS : CALL_DEADLINE_MS;
    const { header, text } = await this.#call({ path: `${path}?${query}`, deadlineMs, signal });
    if (header('x-consul-knownleader') === 'false') throw new ConsulError('unwell', 'Consul has no leader');
    const value = read(parseJson(text));
    const answered = readIndex(header('x-consul-index'));
    if (value === undefined || answered === undefined)
      throw new ConsulError('malformed', `${path}: the answer is not that of a Consul agent`);
    const filtered = header('x-consul-results-filtered-by-acls') === 'true';
    if (filtered && isEmpty(value))
      throw new ConsulError('denied', `${path}: the token may see nothing of it`);
    return { index: answered, filtered, value };
  }

  async #call(call: Call): Promise<Reply> {
    const { deadlineMs = CALL_DEADLINE_MS, signal } = call;
    const over = new AbortController();
    const end = (): void => over.abort();
    const timer = this.#options.clock.after(deadlineMs, end);
    signal?.addEventListener('abort', end, { once: true });
    try {
      return await this.#exchange(call, over.signal);
    } catch (error) {
      if (this.#closed.signal.aborted || signal?.aborted)
        throw new ConsulError('closed', 'the call was given up', { cause: error });
      if (over.signal.aborted)
        throw new ConsulError('deadline', 'Consul did not answer in time', { cause: error });
      throw toConsulError(error);
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', end);
    }
  }

  async #exchange({ method = 'GET', path, body }: Call, signal: AbortSignal): Promise<Reply> {
    const { token } = this.#options;
    const {
      statusCode,
      headers,
      body: answer,
    } = await this.#pool.request({
      method,
      path,
      headers: { accept: 'application/json', ...(token && { 'x-consul-token': token }) },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    const text = await answer.text();
    if (statusCode !== 200) throw refusal(statusCode, text);
    return { text, header: (name) => [headers[name]].flat()[0] };
  }
}

interface Reply {
  readonly text: string;
  readonly header: (name: string) => string | undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readIndex(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
}
