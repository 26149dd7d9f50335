import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import type { Announce } from '../core/events.js';
import type { ConfigView } from '../core/views.js';
import { formatProblem } from '../files/file-problem.js';
import type { Environment } from './environment.js';
import { loadConfig } from './load.js';
import type { ConfigOrigin, OriginFollowing } from './origin.js';
import { type Settings, sameSettings } from './settings.js';
import { settingsDiff } from './settings-diff.js';

export interface ConfigKeeperOptions {
  readonly initial: Settings;
  /** Undefined when the settings came from a program and cannot be loaded again. */
  readonly origin: ConfigOrigin | undefined;
  readonly environment: Environment;
  /** Takes newer settings. Returns what it can only take at the next start, by name. */
  readonly apply: (settings: Settings) => readonly string[];
  readonly announce: Announce;
  readonly clock?: Clock;
}

/** Why the text is loaded: somebody asked for it, or it seems to have changed. */
type Reason = 'asked' | 'noticed';

/**
 * Holds the settings in force. Newer ones are swapped in whole or not at all: after a mistake in the
 * text the last good ones stay, and the mistake is shown until it is mended.
 */
export class ConfigKeeper {
  readonly #options: ConfigKeeperOptions;
  readonly #clock: Clock;
  #settings: Settings;
  #generation = 1;
  #loadedAt: number;
  #errors: readonly string[] = [];
  #following: OriginFollowing | undefined;
  #reloading: Promise<readonly string[]> = Promise.resolve([]);

  constructor(options: ConfigKeeperOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#settings = options.initial;
    this.#loadedAt = this.#clock.now();
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Follows the origin. What changed between the first load and now is noticed too. */
  async start(): Promise<void> {
    const { origin, announce } = this.#options;
    if (origin === undefined) return;
    const onChange = (): void => void this.#queueLoad('noticed');
    this.#following = origin.follow({ clock: this.#clock, announce, onChange });
    await this.#following.ready;
    await this.#queueLoad('noticed');
  }

  /** Loads the text again, one at a time. Resolves to its errors, none when it is in force now. */
  reload(): Promise<readonly string[]> {
    this.#following?.forget();
    return this.#queueLoad('asked');
  }

  /** Swaps in newer settings, valid ones, as if they had been loaded. */
  take(settings: Settings): readonly string[] {
    const mended = this.#errors.length > 0;
    this.#errors = [];
    this.#loadedAt = this.#clock.now();
    if (sameSettings(settings, this.#settings)) {
      if (mended) this.#announce(true, ['the configuration is as it was taken before']);
      return [];
    }
    const changes = settingsDiff(this.#settings.document, settings.document);
    const later = this.#options.apply(settings);
    this.#settings = settings;
    this.#generation += 1;
    this.#announce(true, withLater(changes, later));
    return [];
  }

  #queueLoad(why: Reason): Promise<readonly string[]> {
    this.#reloading = this.#reloading.then(() => this.#load(why));
    return this.#reloading;
  }

  view(): ConfigView {
    return {
      generation: this.#generation,
      file: this.#options.origin?.name ?? null,
      loadedAt: this.#loadedAt,
      lastReloadSuccessful: this.#errors.length === 0,
      errors: this.#errors,
    };
  }

  close(): void {
    this.#following?.close();
  }

  async #load(why: Reason): Promise<readonly string[]> {
    const { origin, environment } = this.#options;
    if (origin === undefined) return ['there is no configuration file to load again'];
    try {
      const result = await loadConfig(origin, environment);
      if ('errors' in result) return this.#refuse(result.errors.map(formatProblem), why);
      return this.take(result.settings);
    } catch (error) {
      return this.#refuse([messageOf(error)], why);
    }
  }

  /** A change that somebody asked us to load is noticed a moment later too: its mistakes are told once. */
  #refuse(errors: readonly string[], why: Reason): readonly string[] {
    const known = why === 'noticed' && isDeepStrictEqual(errors, this.#errors);
    this.#errors = errors;
    if (!known) this.#announce(false, errors);
    return errors;
  }

  #announce(ok: boolean, detail: readonly string[]): void {
    this.#options.announce('config', { at: this.#clock.now(), generation: this.#generation, ok, detail });
  }
}

const LATER = ' (takes effect at the next start)';

/** Says of each change that can only be taken at the next start that it is; of one without a line too. */
function withLater(changes: readonly string[], later: readonly string[]): string[] {
  const optionOf = (line: string): string => {
    const [option = ''] = /^\w+/.exec(line) ?? [];
    // In settings there is a map of them, however the document spells it.
    return option === 'registry' ? 'registries' : option;
  };
  const told = new Set(changes.map(optionOf));
  return [
    ...later.filter((name) => !told.has(name)).map((name) => `${name}: changed${LATER}`),
    ...changes.map((line) => (later.includes(optionOf(line)) ? `${line}${LATER}` : line)),
  ];
}
