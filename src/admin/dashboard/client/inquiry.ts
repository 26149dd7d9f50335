import type { Explanation, PastExplanation } from '../../../core/explanation.js';
import { type AdminApi, Locked, Refused } from './admin-api.js';
import { type Complaint, type Draft, EMPTY_DRAFT, type Field, readQuestion, SUBJECTS } from './question.js';

/** What was answered, and when, milliseconds since the epoch. */
export interface Answer {
  readonly explanation: Explanation | PastExplanation;
  readonly at: number;
}

/** Everything about the box in which a request is explained, at one moment. */
export interface InquiryState {
  readonly open: boolean;
  /** Grows each time somebody wants to write in it. */
  readonly summoned: number;
  readonly draft: Draft;
  readonly asking: boolean;
  readonly complaint: Complaint | null;
  /** The latest. It stays while another question is asked, and when that fails. */
  readonly answer: Answer | null;
}

interface InquiryListener {
  changed(): void;
  /** The gateway wants a token. */
  locked(): void;
}

const PATIENCE_MS = 10_000;

/** A request that somebody asks about. It outlives the form, which the one for the token takes the place of. */
export class Inquiry {
  readonly #api: AdminApi;
  readonly #listener: InquiryListener;
  #state: InquiryState = {
    open: false,
    summoned: 0,
    draft: EMPTY_DRAFT,
    asking: false,
    complaint: null,
    answer: null,
  };
  #turn = 0;
  #wantsToken = false;

  constructor(api: AdminApi, listener: InquiryListener) {
    this.#api = api;
    this.#listener = listener;
  }

  get state(): InquiryState {
    return this.#state;
  }

  open(part: Partial<Draft> = {}): void {
    this.#change({ open: true, summoned: this.#state.summoned + 1 });
    this.write(part);
  }

  close(): void {
    this.#change({ open: false });
  }

  write(part: Partial<Draft>): void {
    this.#change({ draft: { ...this.#state.draft, ...part } });
  }

  /** Resolves when it is answered, or when it is said why not. Of several at once only the last counts. */
  async ask(): Promise<void> {
    const question = readQuestion(this.#state.draft, Date.now());
    if ('text' in question) return this.#change({ complaint: question });
    this.#turn += 1;
    const turn = this.#turn;
    this.#change({ asking: true, complaint: null });
    try {
      const explanation = await this.#api.explain(question.query, AbortSignal.timeout(PATIENCE_MS));
      if (turn === this.#turn) this.#change({ asking: false, answer: { explanation, at: Date.now() } });
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#wantsToken = error instanceof Locked;
      this.#change({
        asking: false,
        complaint: this.#wantsToken ? null : complaintOf(error, question.lines),
      });
      if (this.#wantsToken) this.#listener.locked();
    }
  }

  /** There is another token: asks again what was not answered for want of one. */
  unlocked(): void {
    if (!this.#wantsToken) return;
    this.#wantsToken = false;
    void this.ask();
  }

  #change(part: Partial<InquiryState>): void {
    this.#state = { ...this.#state, ...part };
    this.#listener.changed();
  }
}

/** `lines`: where each header stands in the form. */
function complaintOf(error: unknown, lines: readonly number[]): Complaint {
  if (error instanceof Refused) return refusalOf(error, lines);
  const late = error instanceof DOMException && error.name === 'TimeoutError';
  const text = late
    ? `The gateway did not answer within ${PATIENCE_MS / 1_000} s.`
    : 'The gateway cannot be reached.';
  return { field: null, text };
}

function refusalOf({ message, problem }: Refused, lines: readonly number[]): Complaint {
  if (problem['code'] === 'UNKNOWN_MOMENT') return { field: 'at', text: message };
  const { parameter, reason, index } = problem;
  const field = fieldOf(parameter);
  if (field === null || typeof reason !== 'string') return { field: null, text: message };
  const line = typeof index === 'number' ? lines[index] : undefined;
  const subject = line === undefined ? SUBJECTS[field] : `Line ${line} of the headers`;
  return { field, text: `${subject} ${reason}.` };
}

function fieldOf(parameter: unknown): Field | null {
  if (parameter === 'header') return 'headers';
  return parameter === 'method' || parameter === 'url' || parameter === 'client' || parameter === 'at'
    ? parameter
    : null;
}
