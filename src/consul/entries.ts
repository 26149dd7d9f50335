/** One registration of a service, as far as it matters here. Numbers and texts are as Consul gave them. */
export interface ServiceEntry {
  readonly node: string;
  readonly id: string;
  /** The service's own address or, when it has none, that of its node; empty when neither has. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** `Weights.Passing`; 1 when it is not said. */
  readonly weight: number;
  /** Revision of the last change of the registration. */
  readonly modifyIndex: bigint;
}

export type CatalogNames = readonly string[];

type Json = Readonly<Record<string, unknown>>;

/** The answer of `/v1/health/service/…`; undefined when it is something else. */
export function readEntries(json: unknown): readonly ServiceEntry[] | undefined {
  if (!Array.isArray(json)) return undefined;
  const entries: ServiceEntry[] = [];
  for (const item of json) {
    const entry = readEntry(item);
    // One that cannot be read makes the whole answer doubtful: the list would look shorter than it is.
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return entries;
}

/** The answer of `/v1/catalog/services`; undefined when it is something else. */
export function readCatalog(json: unknown): CatalogNames | undefined {
  return isJson(json) ? Object.keys(json) : undefined;
}

function readEntry(item: unknown): ServiceEntry | undefined {
  if (!isJson(item) || !isJson(item['Node']) || !isJson(item['Service'])) return undefined;
  const { Node: node, Service: service } = item;
  const { ID: id, Port: port } = service;
  if (typeof node['Node'] !== 'string' || typeof id !== 'string') return undefined;
  return {
    node: node['Node'],
    id,
    address: textOf(service['Address']) || textOf(node['Address']),
    port: typeof port === 'number' ? port : 0,
    tags: Array.isArray(service['Tags']) ? service['Tags'].filter((tag) => typeof tag === 'string') : [],
    meta: textsOf(service['Meta']),
    weight: weightOf(service['Weights']),
    modifyIndex: indexOf(service['ModifyIndex']),
  };
}

function weightOf(weights: unknown): number {
  const passing = isJson(weights) ? weights['Passing'] : undefined;
  return typeof passing === 'number' && passing > 0 ? passing : 1;
}

function indexOf(value: unknown): bigint {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : 0n;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isJson(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
