import { randomBelow } from '../../src/core/random.js';
import {
  RegistryError,
  type RegistryEvent,
  type RegistryFault,
  type RegistryWatch,
  type RegistryWatchHandlers,
  type RegistryWatchMessage,
  revisionOf,
} from '../../src/discovery/registry-client.js';
import type { SimulatedMember, SimulatedRegistry } from './simulated-registry.js';

const LATENCY_MS = 20;
const HUNG_AGAIN_MS = 200;
const MOST_PER_MESSAGE = 5;

/** One watch, from the server's side. */
export class SimulatedStream implements RegistryWatch {
  readonly #registry: SimulatedRegistry;
  readonly #member: SimulatedMember;
  readonly #handlers: RegistryWatchHandlers;
  /** The first revision that has not been sent. */
  next: bigint;
  #state: 'opening' | 'open' | 'swallowed' | 'over' = 'opening';
  #awake = false;

  constructor(
    registry: SimulatedRegistry,
    member: SimulatedMember,
    from: bigint,
    handlers: RegistryWatchHandlers,
  ) {
    this.#registry = registry;
    this.#member = member;
    this.#handlers = handlers;
    this.next = from;
  }

  open(): void {
    this.#after(LATENCY_MS, () => {
      this.#state = 'open';
      if (!this.#send({ kind: 'created' })) return;
      if (this.next <= this.#registry.compacted) this.tellCompacted();
      else this.wake();
    });
  }

  requestProgress(): void {
    this.#after(LATENCY_MS, () => {
      if (this.#state === 'open' && !this.#member.hung) this.#answerProgress();
    });
  }

  /** Something may be due: it comes when the member has heard of it. */
  wake(): void {
    if (this.#awake || this.#state !== 'open') return;
    this.#awake = true;
    this.#after(this.#member.lagMs, () => {
      this.#awake = false;
      this.#sendSome();
    });
  }

  tellCompacted(): void {
    if (this.#state === 'open') this.fail('compacted');
  }

  fail(fault: RegistryFault): void {
    // A half-open connection is one whose end nobody hears of.
    if (this.#state === 'over' || this.#state === 'swallowed') return;
    this.close();
    this.#handlers.end(new RegistryError(fault, `the stream is ${fault}`));
  }

  swallow(): void {
    if (this.#state !== 'over') this.#state = 'swallowed';
  }

  close(): void {
    this.#state = 'over';
    this.#registry.streams.delete(this);
  }

  /** Within `ms`, unless the stream is over; while the member hangs, later. */
  #after(ms: number, task: () => void): void {
    const { clock, random } = this.#registry;
    clock.after(randomBelow(random, ms), () => {
      if (this.#state === 'over') return;
      if (this.#member.hung) clock.after(HUNG_AGAIN_MS, () => this.#after(1, task));
      else task();
    });
  }

  /** False when it was the last. */
  #send(message: Partial<RegistryWatchMessage> & Pick<RegistryWatchMessage, 'kind'>): boolean {
    const { chance, breaking } = this.#chances();
    if (this.#state !== 'open') return false;
    if (chance(breaking)) {
      if (chance(0.3)) this.swallow();
      else this.fail('broken');
      return false;
    }
    this.#handlers.message({ ...this.#registry.position(), fragment: false, events: [], ...message });
    return this.#stillOpen();
  }

  #stillOpen(): boolean {
    return this.#state === 'open';
  }

  #chances(): { chance: (share: number) => boolean; breaking: number } {
    return { chance: (share) => this.#registry.chance(share), breaking: this.#registry.breaking };
  }

  /** An old member answers from where the store is; a newer one from where this stream is. */
  #answerProgress(): void {
    const { old, revision } = this.#registry;
    const [first] = this.#due();
    const reached = first === undefined || old ? revision : revisionOf(first) - 1n;
    this.#send({ kind: 'progress', revision: reached });
  }

  #due(): RegistryEvent[] {
    return this.#registry.log.filter((event) => revisionOf(event) >= this.next);
  }

  #sendSome(): void {
    if (this.#state !== 'open') return;
    const { random, old } = this.#registry;
    const due = this.#due();
    const last = due[randomBelow(random, Math.min(MOST_PER_MESSAGE, due.length))];
    if (last === undefined) return;
    // Never part of a revision, but in fragments.
    const upTo = revisionOf(last);
    const batch = due.filter((event) => revisionOf(event) <= upTo);
    if (!this.#sendBatch(batch)) return;
    if (old && this.#registry.chance(0.2) && !this.#sendBatch(batch)) return;
    this.next = upTo + 1n;
    this.wake();
  }

  #sendBatch(batch: readonly RegistryEvent[]): boolean {
    if (batch.length < 2 || !this.#registry.chance(0.2)) return this.#send({ kind: 'events', events: batch });
    return (
      this.#send({ kind: 'events', events: batch.slice(0, 1), fragment: true }) &&
      this.#send({ kind: 'events', events: batch.slice(1) })
    );
  }
}
