import { EtcdError, toEtcdError } from './errors.js';

/** Exchanges name and password for a token. */
export type Authenticate = () => Promise<string>;

/**
 * The auth token of a cluster, shared by the connections to its members: every member knows it. At most one
 * authentication is in flight: etcd spends tens of milliseconds of CPU on each password (bcrypt), and a
 * hundred calls that fail together must not ask a hundred times.
 */
export class Token {
  #pending: Promise<string | undefined> | undefined;

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
      return await authenticate();
    } catch (error) {
      const failure = toEtcdError(error);
      // A password for a cluster that asks for none is no mistake: authentication is switched on last.
      if (/authentication is not enabled/.test(failure.message)) return undefined;
      this.#pending = undefined;
      throw failure.fault === 'other' ? new EtcdError('denied', failure.message, { cause: error }) : failure;
    }
  }
}
