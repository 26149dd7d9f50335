import type { Clock } from '../core/clock.js';
import type { Announce } from '../core/events.js';
import { readText } from '../files/read-text.js';
import { watchFile } from '../files/watch.js';

export interface FollowOptions {
  /** Called for each change of what `read` would answer. Must not throw. */
  readonly onChange: () => void;
  readonly clock: Clock;
  /** For what is to be told of the place itself, such as that it cannot be reached. */
  readonly announce: Announce;
}

export interface OriginFollowing {
  /** Resolves once changes are noticed. */
  readonly ready: Promise<void>;
  /** The text was read without having been told of: whatever it is next counts as a change. */
  forget(): void;
  /** Idempotent; nothing is called afterwards. */
  close(): void;
}

/** Where a routes.yaml is kept: in a file, or in a key of a registry. */
export interface ConfigOrigin {
  /** As messages and `/api/config` call it: a path, or a URL without secrets. */
  readonly name: string;
  /** The text as it is now. Throws a WatchgateError that names the place and says why it cannot be read. */
  read(): Promise<string>;
  follow(options: FollowOptions): OriginFollowing;
}

/** A file, relative to the working directory. */
export function fileOrigin(path: string): ConfigOrigin {
  return { name: path, read: () => readText(path), follow: (options) => watchFile(path, options) };
}
