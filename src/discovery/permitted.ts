import { type AddressPolicy, mayList } from './address-policy.js';
import type { Recognition, Registration } from './schemas/schema.js';

/** What is left of a recognition when the addresses that may not be connected to are taken out. */
export function permitted(
  { registrations, rubbish }: Recognition,
  policy: AddressPolicy,
): { readonly registrations: readonly Registration[]; readonly rubbish: string | undefined } {
  const refused = registrations.find(({ address }) => !mayList(policy, address.host));
  if (refused === undefined) return { registrations, rubbish };
  return {
    registrations: registrations.filter(({ address }) => mayList(policy, address.host)),
    rubbish: `${refused.address.host} is outside the allowed addresses`,
  };
}
