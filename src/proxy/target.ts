import { isAuthority } from './authority.js';

/** A request target, taken apart (RFC 9112 section 3.2). */
export interface Target {
  /** As sent, without the query; not yet checked. */
  readonly path: string;
  /** With its `?`; empty when there is none. */
  readonly query: string;
  /** Host and port of an absolute-form target; undefined for the usual origin form. */
  readonly authority: string | undefined;
  /** Lower case; undefined for the usual origin form. */
  readonly scheme: string | undefined;
}

const ABSOLUTE = /^(https?):\/\/([^/?#@]+)([/?].*)?$/is;

/**
 * Undefined for what cannot be routed by path: authority form, asterisk form, and an absolute form
 * with no true authority, or with user information, which a proxy must not pass on (RFC 9110 section 4.2.4).
 */
export function readTarget(target: string): Target | undefined {
  if (target.charCodeAt(0) === 47) return split(target, undefined, undefined);
  const match = ABSOLUTE.exec(target);
  const [, scheme, authority = '', rest = ''] = match ?? [];
  if (!isAuthority(authority)) return undefined;
  return split(rest.startsWith('/') ? rest : `/${rest}`, authority, scheme?.toLowerCase());
}

function split(origin: string, authority: string | undefined, scheme: string | undefined): Target {
  const mark = origin.indexOf('?');
  if (mark < 0) return { path: origin, query: '', authority, scheme };
  return { path: origin.slice(0, mark), query: origin.slice(mark), authority, scheme };
}
