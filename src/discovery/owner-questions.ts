import { type Clock, delay } from '../core/clock.js';
import { Slots } from './slots.js';

/** How long an answer about the lease is waited for before the endpoint counts as held. */
const PATIENCE_MS = 1_000;
/** An etcd that is in trouble must not be asked thousands of things. */
const AT_ONCE = 16;

/** Who wants to know. */
export interface Asker {
  /** Whether the answer still matters. */
  isOpen(): boolean;
  /** The lease is there: its owner is alive, and deleted the key. */
  onLives(): void;
}

/** Asks the registry about the leases of endpoints that it does not list any more. */
export class OwnerQuestions {
  readonly #clock: Clock;
  readonly #leaseLives: (lease: string) => Promise<boolean>;
  readonly #slots = new Slots(AT_ONCE);

  /** `leaseLives` rejects when nobody says. */
  constructor(clock: Clock, leaseLives: (lease: string) => Promise<boolean>) {
    this.#clock = clock;
    this.#leaseLives = leaseLives;
  }

  /**
   * Resolves with the answer, or after a second without one; one that comes late still counts. Without an answer there is
   * no evidence.
   */
  async ask(lease: string, { isOpen, onLives }: Asker): Promise<void> {
    const patience = new AbortController();
    const ask = async (): Promise<void> => {
      if (isOpen() && (await this.#leaseLives(lease).catch(() => false))) onLives();
    };
    const asked = this.#slots.run(ask).finally(() => patience.abort());
    await Promise.race([asked, delay(this.#clock, PATIENCE_MS, patience.signal)]);
  }
}
