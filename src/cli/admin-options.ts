import { Option } from 'commander';
import { AdminClient } from './admin-client.js';

/** Of every command that asks a running gateway. */
export interface AdminFlags {
  readonly admin: string;
  readonly token?: string;
}

export function adminOption(): Option {
  return new Option('--admin <url>', "the gateway's admin port").default('http://127.0.0.1:9901');
}

/** The variable keeps the token out of the list of processes. */
export function tokenOption(): Option {
  return new Option('--token <token>', "the gateway's adminToken (default: WATCHGATE_ADMIN_TOKEN)");
}

/** Throws BAD_FLAG when `--admin` is no URL. An empty token means none. */
export function openAdmin({ admin, token = process.env['WATCHGATE_ADMIN_TOKEN'] }: AdminFlags): AdminClient {
  return new AdminClient({ url: admin, token: token === '' ? undefined : token });
}
