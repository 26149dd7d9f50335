import type { Candidate } from '../core/load.js';
import type { Random } from '../core/random.js';
import type { FirstPick, Forecast } from './forecast.js';

export interface PickContext<C extends Candidate> {
  /** Candidates this request has been tried at; avoided while another is there. */
  readonly tried: readonly C[];
  /** Milliseconds on the monotonic clock. */
  readonly now: number;
  /** What `consistent-hash` tells requests apart by; undefined when the request has none. */
  readonly hashKey?: string | undefined;
}

/** Chooses synchronously from the candidates it was made of; allocates nothing. */
export interface Picker<C extends Candidate> {
  /** Undefined only when every candidate has been tried, or there is none. */
  pick(context: PickContext<C>): C | undefined;
  /** How the next pick stands. Picks nothing: neither turns nor chance move on. */
  forecast(request: FirstPick): Forecast<C>;
}

/** Makes a picker over one immutable list of candidates. */
export type PickerFactory = <C extends Candidate>(candidates: readonly C[], random: Random) => Picker<C>;
