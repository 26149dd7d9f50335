import { EtcdError, toEtcdError } from './errors.js';

/** Exchanges name and password for a token; rejects with fault `deadline` after `patienceMs`. */
export type Authenticate = (patienceMs: number) => Promise<string>;

const LEAST_PATIENCE_MS = 4_000;
const MOST_PATIENCE_MS = 32_000;

/**
 * The auth token of a cluster, shared by the connections to its members: every member knows it. At most one
 * authentication is in flight: etcd spends tens of milliseconds of CPU on each password (bcrypt), and a
 * hundred calls that fail together must not ask a hundred times.
 */
export class Token {
  #pending: Promise<string | undefined> | undefined;
  /**
   * Doubled whenever it was not enough. A fleet that authenticates at one moment shares etcd's processors, so
   * that all are answered late; whoever gives up has made etcd work for nothing and comes back for more. With
   * a fixed 2 s, a hundred gateways that started together never got in.
   */
  #patienceMs = LEAST_PATIENCE_MS;

  /** The token to send, got by `authenticate` if there is none; undefined when the cluster asks for none. */
  get(authenticate: Authenticate): Promise<string | undefined> {
    this.#pending ??= this.#fetch(authenticate);
    return this.#pending;
  }

  /** What `get` answered last, unless it has been forgotten or could not be had. */
  get current(): Promise<string | undefined> | undefined {
    return this.#pending;
  }

  /** Forgets the token `failed`, which `get` answered, unless a newer one has replaced it already. */
  forget(failed: Promise<string | undefined>): void {
    if (this.#pending === failed) this.#pending = undefined;
  }

  async #fetch(authenticate: Authenticate): Promise<string | undefined> {
    try {
      const token = await authenticate(this.#patienceMs);
      this.#patienceMs = LEAST_PATIENCE_MS;
      return token;
    } catch (error) {
      const failure = toEtcdError(error);
      if (failure.fault === 'deadline') this.#patienceMs = Math.min(2 * this.#patienceMs, MOST_PATIENCE_MS);
      // A password for a cluster that asks for none is no mistake: authentication is switched on last.
      if (/authentication is not enabled/.test(failure.message)) return undefined;
      this.#pending = undefined;
      throw failure.fault === 'other' ? new EtcdError('denied', failure.message, { cause: error }) : failure;
    }
  }
}
