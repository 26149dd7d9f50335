import { type Address, parseAddress } from '../../core/address.js';

/** Digits, dots, colons and hex letters only, with at least one separator: an address gone wrong, and no secret. */
const HARMLESS = /^(?=.{0,50}[.:])[0-9a-f.:[\]]{1,50}$/i;

/**
 * Reads a registered address strictly. `what` names the text in the sentence that comes back when it is
 * none, in which the text itself appears only when it can hold nothing that somebody wants kept.
 */
export function readAddress(text: string, what = 'the value'): Address | string {
  const address = parseAddress(text);
  if (typeof address !== 'string') return address;
  return `${HARMLESS.test(text) ? `"${text}"` : what} ${address}`;
}
