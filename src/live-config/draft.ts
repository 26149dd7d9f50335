import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

/** Something new beside what it is to replace: complete, and not in force yet. */
export interface Draft {
  readonly path: string;
  /** Replaces the old in one step. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** What is kept in step with the registry. */
export interface KeptPlace {
  readonly path: string;
  /** Whether there is something of before to go on with. */
  exists(): Promise<boolean>;
  /**
   * Writes the values beside the place; undefined when the place holds them already. Throws a WatchgateError for
   * values that are not fit for it.
   */
  draft(values: ReadonlyMap<string, string>): Promise<Draft | undefined>;
}

/** A hidden name in the same folder, so that a rename is one step; it ends alike, for programs that go by endings. */
export function draftPath(target: string): string {
  return join(dirname(target), `${draftPrefix(target)}${randomBytes(6).toString('hex')}-${basename(target)}`);
}

export function draftPrefix(target: string): string {
  return `.watchgate-${basename(target)}-`;
}
