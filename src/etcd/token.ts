import { EtcdError, toEtcdError } from './errors.js';

/**
 * The auth token of one member. At most one authentication is in flight: etcd spends tens of
 * milliseconds of CPU on each password (bcrypt), and a hundred calls that fail together must not
 * ask a hundred times.
 */
export class Token {
  readonly #authenticate: () => Promise<string>;
  #pending: Promise<string | undefined> | undefined;

  /** `authenticate` exchanges name and password for a token. */
  constructor(authenticate: () => Promise<string>) {
    this.#authenticate = authenticate;
  }

  /** The token to send; undefined when the cluster has authentication switched off. */
  get(): Promise<string | undefined> {
    this.#pending ??= this.#fetch();
    return this.#pending;
  }

  /** Forgets the token `failed`, which `get` answered, unless a newer one has replaced it already. */
  forget(failed: Promise<string | undefined>): void {
    if (this.#pending === failed) this.#pending = undefined;
  }

  async #fetch(): Promise<string | undefined> {
    try {
      return await this.#authenticate();
    } catch (error) {
      const failure = toEtcdError(error);
      // A password for a cluster that asks for none is no mistake: authentication is switched on last.
      if (/authentication is not enabled/.test(failure.message)) return undefined;
      this.#pending = undefined;
      throw failure.fault === 'other' ? new EtcdError('denied', failure.message, { cause: error }) : failure;
    }
  }
}
