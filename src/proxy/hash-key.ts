import type { HashKey } from '../core/route.js';

/** The text that `consistent-hash` tells a request apart by; undefined when it does not carry it. */
export function hashKeyOf(key: HashKey, raw: readonly string[], client: string): string | undefined {
  if (key.from === 'client') return client;
  if (key.from === 'header') return fieldOf(raw, key.name);
  const cookies = fieldOf(raw, 'cookie')?.split(';') ?? [];
  const start = `${key.name}=`;
  return cookies
    .map((cookie) => cookie.trim())
    .find((cookie) => cookie.startsWith(start))
    ?.slice(start.length);
}

/** First value of a field of the raw header list; `name` in lower case. */
function fieldOf(raw: readonly string[], name: string): string | undefined {
  for (let index = 0; index < raw.length; index += 2) {
    if (raw[index]?.toLowerCase() === name) return raw[index + 1];
  }
  return undefined;
}
