/** Where a process registers itself when nothing else is said. */
export const DEFAULT_PREFIX = '/service_registry_discovery';
export const DEFAULT_LEASE_SECONDS = 3;

/**
 * A prefix without trailing slashes, so that joining is unambiguous. A leading slash is neither added nor
 * taken away: to etcd it is a character like any other, and go-zero, kitex and hertz do without.
 */
export function normalizePrefix(prefix: string): string {
  return prefix.replace(/\/+$/, '');
}

/** `/service_registry_discovery/<service>/<host>`: the key under which a process registers. */
export function registrationKey(prefix: string, service: string, hostKey: string): string {
  return `${normalizePrefix(prefix)}/${service}/${hostKey}`;
}

/** A service name is one key segment. */
export function isServiceName(name: string): boolean {
  return /^[A-Za-z0-9._~-]{1,128}$/.test(name) && name !== '.' && name !== '..';
}

/** The value of the `watchgate` schema. The plain schema is the bare address. */
export interface RegistrationValue {
  readonly address: string;
  readonly weight?: number;
  readonly zone?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly draining?: boolean;
}

/** The bare address when there is nothing else to say, so that any reader of plain values understands it. */
export function encodeRegistration(value: RegistrationValue): string {
  const extra =
    value.draining === true ||
    value.zone !== undefined ||
    (value.weight !== undefined && value.weight !== 1) ||
    Object.keys(value.metadata ?? {}).length > 0;
  return extra ? JSON.stringify(value) : value.address;
}
