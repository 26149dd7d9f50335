import type { Address } from '../../core/address.js';

/** What one registry value says about one address of one service. */
export interface Registration {
  readonly service: string;
  readonly address: Address;
  /** Above 0. */
  readonly weight: number;
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly draining: boolean;
}

/** `rubbish` is counted and shown with its reason; `not-mine` is left for another schema. */
export type Recognition =
  | { readonly kind: 'registrations'; readonly registrations: readonly Registration[] }
  | { readonly kind: 'rubbish'; readonly reason: string }
  | { readonly kind: 'not-mine' };

/** How one family of registrars lays out keys and values. */
export interface Schema {
  readonly name: string;
  /** `prefix` has no trailing slash; `key` begins with it and a slash. */
  recognise(key: string, value: string, prefix: string): Recognition;
}

export function rubbish(reason: string): Recognition {
  return { kind: 'rubbish', reason };
}
