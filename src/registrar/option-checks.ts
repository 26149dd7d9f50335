import { parseAddress } from '../core/address.js';
import { WatchgateError } from '../core/errors.js';
import { isServiceName } from '../core/registration.js';
import { isTag } from '../core/service-selector.js';
import { suggestion } from '../core/suggestion.js';

// Types say what options are, but not to programs in JavaScript, and not of what comes from their environment.

interface Rule {
  /** Completes "wanted …". */
  readonly wanted: string;
  readonly fits: (value: unknown) => boolean;
  readonly required?: true;
}

type Rules = Readonly<Record<string, Rule>>;

/** A day; a lease that outlives its process for longer is a mistake in the units. */
const MAX_TTL_SECONDS = 86_400;

const OPTIONS: Rules = {
  registry: {
    wanted: 'an address such as etcd://127.0.0.1:2379, or a map with endpoints',
    fits: (value) => typeof value === 'string' || isMap(value),
    required: true,
  },
  service: {
    wanted: '1 to 128 letters, digits or . _ ~ -',
    fits: (value) => typeof value === 'string' && isServiceName(value),
    required: true,
  },
  address: {
    wanted: 'ip:port, [v6]:port, name:port or a port alone',
    fits: (value) => typeof value === 'string' || typeof value === 'number',
    required: true,
  },
  ttl: {
    wanted: `whole seconds from 1 to ${MAX_TTL_SECONDS}`,
    fits: (value) => isNumber(value) && Number.isInteger(value) && value >= 1 && value <= MAX_TTL_SECONDS,
  },
  health: {
    wanted: 'a function or a path that starts with /',
    fits: (value) => typeof value === 'function' || (typeof value === 'string' && value.startsWith('/')),
  },
  metadata: {
    wanted: 'a map of texts',
    fits: (value) => isMap(value) && Object.values(value).every((text) => typeof text === 'string'),
  },
  weight: { wanted: 'a number above 0', fits: (value) => isNumber(value) && value > 0 },
  zone: { wanted: 'a text', fits: isText },
  tags: {
    wanted: 'a list of texts of 1 to 128 letters, digits or . _ ~ : = - each',
    fits: (value) => isListOf(value, (tag) => typeof tag === 'string' && isTag(tag)),
  },
  hostKey: {
    wanted: '1 to 253 characters without space or /',
    fits: (value) => typeof value === 'string' && isHostKey(value),
  },
  prefix: { wanted: 'a text such as /services', fits: isText },
  clock: { wanted: 'an object with now and after', fits: (value) => isMap(value) },
  random: { wanted: 'a function', fits: (value) => typeof value === 'function' },
};

const TYPE: Rule = {
  wanted: 'etcd or consul',
  fits: (value) => value === 'etcd' || value === 'consul',
};
const ENDPOINTS: Rule = {
  wanted: 'a list of at least one http://host:port or https://host:port',
  fits: (value) => isListOf(value, isEndpoint) && value.length > 0,
  required: true,
};
const TLS: Rule = { wanted: 'a map with ca, cert and key', fits: isMap };

const ETCD: Rules = {
  type: TYPE,
  endpoints: ENDPOINTS,
  prefix: { wanted: 'a text such as /services', fits: isText },
  username: { wanted: 'a text', fits: isText },
  password: { wanted: 'a text', fits: isText },
  tls: TLS,
};

const CONSUL: Rules = {
  type: TYPE,
  endpoints: ENDPOINTS,
  token: { wanted: 'a text', fits: isText },
  tls: TLS,
};

const PEM: Rule = { wanted: 'a Buffer that holds PEM', fits: (value) => value instanceof Uint8Array };
const PEMS: Rules = { ca: PEM, cert: PEM, key: PEM };

/**
 * Throws a WatchgateError that names the first option of `register` that is wrong, missing or unknown. Never
 * repeats a value: it may be a secret.
 */
export function checkOptions(options: unknown): void {
  if (!isMap(options)) throw new WatchgateError('BAD_FLAG', 'options: wanted a map such as { service }');
  check(options, OPTIONS, '');
  const { registry } = options;
  if (!isMap(registry)) return;
  check(registry, registry['type'] === 'consul' ? CONSUL : ETCD, 'registry.');
  if (isMap(registry['tls'])) check(registry['tls'], PEMS, 'registry.tls.');
}

/** A host key is one key segment that can be read aloud. */
export function isHostKey(text: string): boolean {
  return /^[^\s/\p{Cc}]{1,253}$/u.test(text);
}

function check(given: Readonly<Record<string, unknown>>, rules: Rules, place: string): void {
  const known = Object.keys(rules);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw new WatchgateError('BAD_FLAG', `${place}${name}: unknown option${suggestion(name, known)}`);
  }
  for (const [name, { wanted, fits, required }] of Object.entries(rules)) {
    const value = given[name];
    if (value === undefined ? required !== true : fits(value)) continue;
    const missing = value === undefined ? 'missing; ' : '';
    throw new WatchgateError('BAD_FLAG', `${place}${name}: ${missing}wanted ${wanted}`);
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, fits: (item: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.every(fits);
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isEndpoint(value: unknown): boolean {
  const [, authority] = (typeof value === 'string' && /^https?:\/\/([^/@]+)\/?$/.exec(value)) || [];
  return authority !== undefined && typeof parseAddress(authority) !== 'string';
}
