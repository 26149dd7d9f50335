import { isServiceName } from '../../core/registration.js';
import { readAddress } from './read-address.js';
import { readMetadata } from './read-metadata.js';
import { relativeWeight } from './read-weight.js';
import { MOST_ADDRESSES, type Reading, type Registration, schemaOf } from './schema.js';
import { isJsonObject, type JsonObject } from './schema-entry.js';

/** selector/node/direct of kratos: what an instance without `metadata.weight` counts as. */
const USUAL_WEIGHT = 100;

/** Addresses of one value, by what they speak: `http` for plain HTTP, `https` for HTTP over TLS, `grpc`, … */
type Spoken = ReadonlyMap<string, readonly string[]>;

/**
 * kratos (contrib/registry/etcd): `/microservices/<name>/<id>` →
 * `{"id","name","version","metadata","endpoints":["http://ip:port?isSecure=false","grpc://ip:port"]}`.
 * Only plain HTTP addresses are endpoints of ours. The others are kept in the metadata under the name of
 * what they speak, so that whoever can use them finds them.
 */
export const kratosSchema = schemaOf('kratos', ({ object, parent }) => {
  if (object === undefined) return 'the value is not a JSON object';
  const { name, endpoints } = object;
  const service = typeof name === 'string' && name !== '' ? name : parent;
  if (!isServiceName(service)) return '"name" is no valid service name';
  if (!Array.isArray(endpoints) || endpoints.length === 0) return '"endpoints" names no address';
  if (endpoints.length > MOST_ADDRESSES) return `"endpoints" has more than ${MOST_ADDRESSES} addresses`;
  const spoken = bySpeech(endpoints);
  return typeof spoken === 'string' ? spoken : readInstance(object, service, spoken);
});

function readInstance(object: JsonObject, service: string, spoken: Spoken): Reading {
  const said = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const others = [...spoken].filter(([speech]) => speech !== 'http');
  const kept = Object.fromEntries(others.map(([speech, addresses]) => [speech, addresses.join(',')]));
  const about = {
    service,
    weight: relativeWeight(said['weight'], USUAL_WEIGHT),
    zone: undefined,
    metadata: readMetadata({ version: object['version'] }, said, kept),
    draining: false,
  };
  const registrations: Registration[] = [];
  let rubbish: string | undefined;
  for (const text of spoken.get('http') ?? []) {
    const address = readAddress(text, 'an address in "endpoints"');
    if (typeof address === 'string') rubbish = address;
    else registrations.push({ ...about, address });
  }
  if (rubbish !== undefined) return { registrations, rubbish };
  if (registrations.length > 0) return registrations;
  return `"endpoints" names no plain HTTP address, only ${others.map(([speech]) => speech).join(', ')}`;
}

function bySpeech(endpoints: readonly unknown[]): Spoken | string {
  const spoken = new Map<string, string[]>();
  for (const endpoint of endpoints) {
    const [, scheme, address, query = ''] =
      typeof endpoint === 'string' ? (URL_PARTS.exec(endpoint) ?? []) : [];
    if (scheme === undefined || address === undefined)
      return 'an address in "endpoints" is no URL with a port';
    const speech = scheme === 'http' && SECURE.test(query) ? 'https' : scheme;
    spoken.set(speech, [...(spoken.get(speech) ?? []), address]);
  }
  return spoken;
}

/** Not `new URL`: it drops the port 80 of http, and takes user names and shorthand addresses. */
const URL_PARTS = /^([a-z][a-z0-9+.-]{0,19}):\/\/([^/?#]{1,300})[^?#]*(?:\?([^#]*))?/;

/** What strconv.ParseBool takes for true. */
const SECURE = /(?:^|&)isSecure=(?:1|t|T|TRUE|true|True)(?:&|$)/;
