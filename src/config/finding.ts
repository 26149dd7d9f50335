import type { Path } from '../files/yaml-file.js';

/** A broken rule that takes several values to see. `sameAs` is the place of the other one. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly at?: 'key' | 'value';
  readonly sameAs?: Path;
}
