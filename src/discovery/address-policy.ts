import { isIP } from 'node:net';
import { addressBlocks } from '../core/address-blocks.js';
import { embeddedIPv4 } from './embedded-ipv4.js';

/**
 * Where the gateway may be told to connect. Whoever can write to the registry must not be able to turn
 * the gateway into a probe of the network it stands in.
 */
export interface AddressPolicy {
  /**
   * Whether an IP address may be connected to. A host name in the registry can only be judged by the
   * addresses it resolves to, at the time of connecting: whoever connects asks this again then.
   */
  allows(ip: string): boolean;
}

/** Never a service: link-local, where clouds keep instance credentials, and addresses that name no one host. */
const REFUSED = [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  // Metadata services outside link-local: Alibaba Cloud, Azure, Oracle Cloud (classic).
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  // The same over IPv6: AWS (and what gives pods their credentials), Google Cloud, Oracle Cloud, Scaleway.
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  'fd00:42::42',
];

/**
 * Without `allowed`, everything but link-local, metadata, multicast, reserved and unspecified addresses, also when
 * they are IPv4 addresses spelt as IPv6; with it (CIDRs, or single addresses), just what it lists. Throws
 * CONFIG_INVALID for what is neither.
 */
export function createAddressPolicy(allowed?: readonly string[]): AddressPolicy {
  if (allowed !== undefined) {
    const listed = addressBlocks('allowedAddresses', allowed);
    return { allows: (ip) => listed.holds(ip) };
  }
  const refused = addressBlocks('refused addresses', REFUSED);
  return {
    allows(ip) {
      if (isIP(ip) === 0 || refused.holds(ip)) return false;
      const embedded = embeddedIPv4(ip);
      return embedded === undefined || !refused.holds(embedded);
    },
  };
}

/** Whether a registered host may be listed: a name may, until it is resolved. */
export function mayList(policy: AddressPolicy, host: string): boolean {
  return isIP(host) === 0 || policy.allows(host);
}
