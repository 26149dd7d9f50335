/** A JSON object that somebody else wrote: nothing about it is certain. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Far above any registration; go-micro, which describes every method of a service, stays below 100 KiB. */
const MOST_CHARACTERS = 256 * 1024;

/**
 * A registry key and its value, as schemas look at them. Nothing is taken apart before a schema asks for
 * it, and then once: this runs for every key that changes.
 */
export class SchemaEntry {
  readonly key: string;
  /** Without a trailing slash; empty for the whole registry. */
  readonly prefix: string;
  readonly tooLarge: boolean;
  /** The value without white space around it. */
  readonly text: string;
  #object: JsonObject | undefined;
  #parsed = false;

  constructor(key: string, value: string, prefix: string) {
    this.key = key;
    this.prefix = prefix;
    this.tooLarge = value.length > MOST_CHARACTERS;
    this.text = this.tooLarge ? '' : value.trim();
  }

  /** The value as a JSON object; undefined when it is none. */
  get object(): JsonObject | undefined {
    if (!this.#parsed) {
      this.#parsed = true;
      this.#object = parseObject(this.text);
    }
    return this.#object;
  }

  /** Whether the key is the prefix, or below it. */
  get isInside(): boolean {
    const { key, prefix } = this;
    return prefix === '' || key === prefix || (key.startsWith(prefix) && key[prefix.length] === '/');
  }

  /** The key below the prefix, without a slash before it; empty when the key is the prefix. */
  get below(): string {
    const { key, prefix } = this;
    const start = prefix === '' && !key.startsWith('/') ? 0 : prefix.length + 1;
    return key.slice(start);
  }

  /** The last segment of the key. */
  get name(): string {
    return this.key.slice(this.key.lastIndexOf('/') + 1);
  }

  /** The segment before the last, which may belong to the prefix; empty when there is none. */
  get parent(): string {
    const end = this.key.lastIndexOf('/');
    return end <= 0 ? '' : this.key.slice(this.key.lastIndexOf('/', end - 1) + 1, end);
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(text: string): JsonObject | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
