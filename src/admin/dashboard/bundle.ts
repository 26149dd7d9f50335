import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemCode } from '../../core/errors.js';

/** The page's script and style, and the policy that lets a browser run these two and nothing else. */
export interface Bundle {
  readonly script: string;
  readonly style: string;
  readonly contentSecurityPolicy: string;
}

/** Beside this file once built; run from its source, the gateway takes what the last build made. */
const FOLDERS = ['./bundle/', '../../../dist/admin/dashboard/bundle/'];

/** A checkout that was never built has no bundle; its page is plain then. */
export const NO_BUNDLE: Bundle = bundleOf('', '');

export function readBundle(): Bundle | undefined {
  for (const folder of FOLDERS) {
    const read = (name: string): string =>
      readFileSync(fileURLToPath(new URL(folder + name, import.meta.url)), 'utf8').trim();
    try {
      return bundleOf(read('page.js'), read('page.css'));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/**
 * The page's data holds names that strangers registered. Should one ever become markup, it still cannot run:
 * scripts are named by hash, and with no Trusted Types policy allowed nothing can turn text into markup.
 */
export function bundleOf(script: string, style: string): Bundle {
  return {
    script,
    style,
    contentSecurityPolicy: [
      `default-src 'none'`,
      `script-src '${cspHash(script)}'`,
      `style-src '${cspHash(style)}'`,
      `connect-src 'self'`,
      'img-src data:',
      `base-uri 'none'`,
      `form-action 'none'`,
      `frame-ancestors 'none'`,
      `require-trusted-types-for 'script'`,
      `trusted-types 'none'`,
    ].join('; '),
  };
}

function cspHash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
