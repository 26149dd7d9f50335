import { WatchgateError } from '../core/errors.js';
import type { KeyLocation } from './key-location.js';
import type { KeysSnapshot } from './watched-keys.js';

/** What a decoder puts where bytes are not UTF-8. */
const REPLACEMENT = '\uFFFD';

/** The value of the one key. Throws KEY_MISSING or KEY_UNREADABLE, which name it. */
export function textAt({ values }: KeysSnapshot, { key, name }: KeyLocation): string {
  const text = values.get(key);
  if (text === undefined)
    throw new WatchgateError('KEY_MISSING', `cannot read ${name}: there is no such key`);
  return checkedText(text, name);
}

/** Bytes that are not text would come out as others than went in. */
export function checkedText(text: string, name: string): string {
  if (!text.includes(REPLACEMENT)) return text;
  throw new WatchgateError('KEY_UNREADABLE', `cannot read ${name}: it is not UTF-8 text`);
}
