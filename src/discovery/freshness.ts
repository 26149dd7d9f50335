import type { Clock, Timer } from '../core/clock.js';
import { type Random, randomBelow } from '../core/random.js';
import { RegistryError, type RegistryMember } from './registry-client.js';
import { asRegistryError, type WatchSession } from './watch-session.js';

const PROGRESS_EVERY_MS = 1_000;
/**
 * That many progress requests without any message: the stream is dead, whatever its connection looks like.
 * Requests are counted, not seconds, so that a pause of our own process does not look like silence.
 */
const UNANSWERED_ALLOWED = 2;
const CONFIRM_MIN_MS = 2_000;
const CONFIRM_MAX_MS = 5_000;
const CONFIRM_AGAIN_MS = 250;
/** While the stream owes nothing, nothing else tells that it is dead. */
const CONFIRM_ALONE_MS = 1_000;
const FAILURES_ALLOWED = 1;

export interface FreshnessOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly session: WatchSession;
  readonly member: RegistryMember;
  readonly clusterId: string;
  /** The view was true at `sentAt` (monotonic milliseconds). */
  readonly confirmed: (sentAt: number) => void;
}

/**
 * Keeps asking, for as long as a session lives, whether its view is still true: the stream for its
 * progress, and the registry as a whole where it has got to. Transport keepalive cannot do this job:
 * it says nothing about a member that lost its leader, and etcd answers pings under 5 s apart with GOAWAY.
 */
export class Freshness {
  readonly #options: FreshnessOptions;
  /** Revision that the list was true for; the stream starts after it. */
  readonly #listed: bigint;
  /** Progress requests since the last message. */
  #unanswered = 0;
  /**
   * Whether the stream owes a message: the one that it was created, and later answers, once it has given one or the
   * registry has got to where the stream starts. Before that a member may not answer, since a stream from a
   * future revision has no progress (etcd 3.6).
   */
  #owes = true;
  #created = false;
  #reached = false;
  /** A confirmation that waits for the stream to get as far. */
  #pending: { readonly revision: bigint; readonly sentAt: number } | undefined;
  #failures = 0;
  #progressTimer: Timer | undefined;
  #confirmTimer: Timer | undefined;
  #stopped = false;

  constructor(options: FreshnessOptions) {
    this.#options = options;
    this.#listed = options.session.watermark;
  }

  start(): void {
    this.#tick();
    void this.#confirm();
  }

  stop(): void {
    this.#stopped = true;
    this.#progressTimer?.cancel();
    this.#confirmTimer?.cancel();
  }

  /** To be called for each message of the stream. */
  heard(): void {
    this.#unanswered = 0;
    this.#owes = this.#created || this.#reached;
    this.#created = true;
    this.#settlePending();
  }

  #tick(): void {
    const { clock, session } = this.#options;
    this.#progressTimer = clock.after(PROGRESS_EVERY_MS, () => {
      if (this.#unanswered === UNANSWERED_ALLOWED) {
        const error = new RegistryError('broken', 'the watch stream is silent');
        session.end({ next: 'resume', error });
        return;
      }
      if (session.requestProgress() && this.#owes) this.#unanswered += 1;
      this.#tick();
    });
  }

  async #confirm(): Promise<void> {
    const { clock, member, session } = this.#options;
    const sentAt = clock.monotonic();
    const known = session.watermark;
    try {
      const { clusterId, revision } = await member.confirm();
      if (this.#stopped) return;
      this.#failures = 0;
      if (revision > this.#listed && !this.#reached) {
        this.#reached = true;
        this.#owes = true;
        // What there is to tell is late already.
        this.#unanswered = Math.max(this.#unanswered, 1);
      }
      if (clusterId !== this.#options.clusterId) {
        session.end({ next: 'relist', reason: 'cluster-changed', error: undefined });
      } else if (revision < known) {
        // A linearizable answer behind what was known when it was asked: a backup was restored.
        session.end({ next: 'relist', reason: 'revision-went-back', error: undefined });
      } else {
        this.#pending = { revision, sentAt };
        this.#settlePending();
        if (this.#pending !== undefined) session.requestProgress();
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#failures += 1;
      if (this.#failures > FAILURES_ALLOWED) session.end({ next: 'resume', error: asRegistryError(error) });
    }
    this.#confirmLater();
  }

  #confirmLater(): void {
    if (this.#stopped) return;
    const { clock, random } = this.#options;
    const wait =
      this.#failures > 0
        ? CONFIRM_AGAIN_MS
        : this.#owes
          ? CONFIRM_MIN_MS + randomBelow(random, CONFIRM_MAX_MS - CONFIRM_MIN_MS)
          : CONFIRM_ALONE_MS;
    this.#confirmTimer = clock.after(wait, () => void this.#confirm());
  }

  #settlePending(): void {
    if (this.#pending === undefined || this.#options.session.watermark < this.#pending.revision) return;
    this.#options.confirmed(this.#pending.sentAt);
    this.#pending = undefined;
  }
}
