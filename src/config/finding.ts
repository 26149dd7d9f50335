import type { Path } from '../files/yaml-file.js';

/** A broken rule that takes several values to see. `sameAs` is the place of the other one. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly at?: 'key' | 'value';
  readonly sameAs?: Path;
  /** What the message is about when that is not what stands at `path`. */
  readonly about?: Path;
}
