import { type Address, parseAddress } from '../../core/address.js';
import type { Registration } from './schema.js';

/** A registration but for its service, which the key names. */
export type RegistrationBody = Omit<Registration, 'service'>;

const MAX_SHOWN = 80;

/**
 * Reads a bare address, or the JSON object that the registrar writes when there is more to say:
 * `{"address","weight","zone","metadata","draining"}`. Unknown members are left for newer versions.
 * Returns a reason when it is neither.
 */
export function readRegistrationValue(value: string): RegistrationBody | string {
  const text = value.trim();
  return text.startsWith('{') ? readObject(text) : readBare(text);
}

function readBare(text: string): RegistrationBody | string {
  const address = readAddress(text);
  return typeof address === 'string'
    ? address
    : { address, weight: 1, zone: undefined, metadata: {}, draining: false };
}

function readObject(text: string): RegistrationBody | string {
  const object = parseObject(text);
  if (object === undefined) return 'the value is not valid JSON';
  const { address, weight = 1, zone = '', metadata = {}, draining = false } = object;
  if (typeof address !== 'string') return 'the value has no "address"';
  const parsed = readAddress(address);
  if (typeof parsed === 'string') return parsed;
  if (typeof weight !== 'number' || !(weight > 0 && Number.isFinite(weight)))
    return '"weight" is not a number above 0';
  if (typeof zone !== 'string') return '"zone" is not a string';
  if (!isStringRecord(metadata)) return '"metadata" is not an object of strings';
  if (typeof draining !== 'boolean') return '"draining" is not true or false';
  return { address: parsed, weight, zone: zone === '' ? undefined : zone, metadata, draining };
}

function readAddress(text: string): Address | string {
  const address = parseAddress(text);
  if (typeof address !== 'string') return address;
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return `${JSON.stringify(shown)} ${address}`;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStringRecord(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((member) => typeof member === 'string');
}
