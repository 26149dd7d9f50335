import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { AdminProblem } from './problems.js';

export interface AdminGuard {
  /** Throws an AdminProblem when the call may not be made. */
  check(request: FastifyRequest): void;
}

/** What probes and Prometheus call: they cannot hold secrets, and these answers say little. */
const OPEN_PATHS = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Decides who may call. With a token: whoever has it. Without one, a port on loopback still has to
 * mind the browsers on the same machine, because any web page can make them send requests here.
 */
export function adminGuard({
  token,
  loopback,
}: {
  token: string | undefined;
  loopback: boolean;
}): AdminGuard {
  const digest = token === undefined ? undefined : sha256(token);
  return {
    check(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD') refuseForeignOrigin(request);
      if (OPEN_PATHS.has(pathOf(request))) return;
      if (digest !== undefined) requireToken(request, digest);
      else if (loopback) refuseForeignHost(request);
    },
  };
}

export function pathOf(request: FastifyRequest): string {
  const query = request.url.indexOf('?');
  return query < 0 ? request.url : request.url.slice(0, query);
}

/** Comparing digests takes the same time whatever the length and content of what was sent. */
function requireToken(request: FastifyRequest, digest: Buffer): void {
  const [, sent = ''] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!timingSafeEqual(sha256(sent), digest)) {
    throw new AdminProblem(
      'UNAUTHORIZED',
      'This call needs the header "Authorization: Bearer <adminToken>".',
    );
  }
}

/** A page of another site can POST here without reading the answer; browsers tell by `Origin`. */
function refuseForeignOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (origin === undefined) return;
  const sameHost = URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
  if (!sameHost) throw new AdminProblem('ORIGIN_REFUSED', 'The call comes from a page of another site.');
}

/**
 * DNS rebinding: a site points its own name at 127.0.0.1, so its page and this port have the same
 * origin. It needs a name for that; addresses and `localhost` cannot be rebound.
 */
function refuseForeignHost(request: FastifyRequest): void {
  const host = hostName(request.headers.host ?? '');
  if (host === 'localhost' || host.endsWith('.localhost') || isIP(host) !== 0) return;
  throw new AdminProblem(
    'HOST_REFUSED',
    'Without adminToken the admin port on loopback answers to "localhost" and to IP addresses only.',
  );
}

function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
