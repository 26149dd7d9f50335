import { isServiceName } from '../../core/registration.js';
import { type FileProblem, named } from '../../files/file-problem.js';
import { type Path, YamlFile } from '../../files/yaml-file.js';
import { readAddress } from '../schemas/read-address.js';
import { boundedWeight } from '../schemas/read-weight.js';
import type { Registration } from '../schemas/schema.js';
import { isJsonObject, type JsonObject } from '../schemas/schema-entry.js';

/** What a file lists, by service, or everything that is wrong with it, in the order of the file. */
export type EndpointFile =
  | { readonly services: ReadonlyMap<string, readonly Registration[]> }
  | { readonly problems: readonly FileProblem[] };

const WANTED_ADDRESS = 'wanted an address such as 10.0.0.5:80';

const MEMBERS = ['address', 'weight', 'zone', 'metadata', 'draining'];

/** Something wrong with the value at `path`. */
type Complain = (path: Path, message: string, at?: 'key' | 'value') => void;

/**
 * Reads `services: { goods: ['10.0.0.5:80', { address, weight, zone, metadata, draining }] }` from YAML or
 * JSON. A service without endpoints is written `[]` and none at all `services: {}`: a file that is empty, as
 * it is for a moment while somebody writes it, lists nothing by mistake and is a problem. `file` names it.
 */
export function readEndpointFile(text: string, file: string): EndpointFile {
  const yaml = new YamlFile(text, file);
  const syntax = yaml.syntaxProblems().problems;
  if (syntax.length > 0) return { problems: syntax };
  const data = yaml.data();
  if ('problem' in data) return { problems: [data.problem] };
  const problems: FileProblem[] = [];
  const services = readServices(data.value, (path, message, at) => {
    problems.push(yaml.problem(path, named(path, message), at));
  });
  if (problems.length === 0) return { services };
  return { problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

function readServices(data: unknown, complain: Complain): Map<string, readonly Registration[]> {
  const services = new Map<string, readonly Registration[]>();
  if (!isJsonObject(data) || !('services' in data)) {
    complain([], 'wanted services: and, below it, a list for each service');
    return services;
  }
  for (const key of Object.keys(data)) {
    if (key !== 'services') complain([key], `unknown key "${key}"; known here: services`, 'key');
  }
  if (!isJsonObject(data['services'])) {
    complain(['services'], 'wanted a map of services; {} for none');
    return services;
  }
  for (const [service, list] of Object.entries(data['services'])) {
    services.set(service, readList(service, list, complain));
  }
  return services;
}

function readList(service: string, list: unknown, complain: Complain): readonly Registration[] {
  const path = ['services', service];
  if (!isServiceName(service)) complain(path, 'is no service name; wanted letters, digits and ._~-', 'key');
  if (!Array.isArray(list)) {
    complain(path, 'wanted a list of endpoints; [] for none');
    return [];
  }
  const seen = new Set<string>();
  return list.flatMap((entry: unknown, index) => {
    const registration = readEntry(service, entry, [...path, index], complain);
    if (registration === undefined) return [];
    const { text } = registration.address;
    if (seen.has(text)) complain([...path, index], `${text} is already listed`);
    seen.add(text);
    return [registration];
  });
}

function readEntry(
  service: string,
  entry: unknown,
  path: Path,
  complain: Complain,
): Registration | undefined {
  if (isJsonObject(entry)) return readMap(service, entry, path, complain);
  const address = typeof entry === 'string' ? readAddress(entry) : `${WANTED_ADDRESS}, or a map with address`;
  if (typeof address !== 'string') {
    return { service, address, weight: 1, zone: undefined, metadata: {}, draining: false };
  }
  complain(path, address);
  return undefined;
}

function readMap(
  service: string,
  entry: JsonObject,
  path: Path,
  complain: Complain,
): Registration | undefined {
  for (const key of Object.keys(entry)) {
    if (MEMBERS.includes(key)) continue;
    complain([...path, key], `unknown key "${key}"; known here: ${MEMBERS.join(', ')}`, 'key');
  }
  const { address, weight = 1, zone = '', metadata = {}, draining = false } = entry;
  const parsed = typeof address === 'string' ? readAddress(address) : WANTED_ADDRESS;
  const wrong = (member: string, message: string): void => complain([...path, member], message);
  if (typeof parsed === 'string') wrong('address', parsed);
  if (!isWeight(weight)) wrong('weight', 'wanted a number above 0');
  if (typeof zone !== 'string') wrong('zone', 'wanted text; quote it');
  if (!isTextMap(metadata)) wrong('metadata', 'wanted a map of texts; quote them');
  if (typeof draining !== 'boolean') wrong('draining', 'wanted true or false');
  if (typeof parsed === 'string' || typeof zone !== 'string' || !isWeight(weight) || !isTextMap(metadata)) {
    return undefined;
  }
  return {
    service,
    address: parsed,
    weight: boundedWeight(weight),
    zone: zone === '' ? undefined : zone,
    metadata,
    draining: draining === true,
  };
}

function isWeight(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && Number.isFinite(value);
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((member) => typeof member === 'string');
}
