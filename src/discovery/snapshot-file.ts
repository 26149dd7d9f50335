import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { parseAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import { type Endpoint, type EndpointSet, endpointSet } from '../core/endpoint.js';
import { messageOf, systemCode } from '../core/errors.js';
import type { Announce } from '../core/events.js';
import { writeDurably } from '../files/write-durably.js';
import { type AddressPolicy, mayList } from './address-policy.js';

export interface SnapshotFileOptions {
  readonly path: string;
  /** Name of the source. */
  readonly source: string;
  /** Which registry it is, in words; a snapshot of another one is not for us. */
  readonly registry: string;
  /** Milliseconds since its view was last proved current, beyond which a snapshot is of no use. */
  readonly maxAge: number;
  /** May have become stricter since the snapshot was written. */
  readonly policy: AddressPolicy;
  readonly clock: Clock;
  readonly announce: Announce;
}

export interface StoredSnapshot {
  readonly services: ReadonlyMap<string, EndpointSet>;
  /** When this was last proved current, milliseconds since the epoch. */
  readonly confirmedAt: number;
}

const FORMAT = 'watchgate-snapshot';
const VERSION = 1;

const endpointSchema = z.object({
  address: z.string(),
  weight: z.number().positive(),
  zone: z.string().optional(),
  metadata: z.record(z.string(), z.string()).prefault({}),
  keys: z.array(z.string()),
  revision: z.string(),
  lease: z.string(),
  since: z.number(),
});

const bodySchema = z.object({
  registry: z.string(),
  confirmedAt: z.number(),
  services: z.record(z.string(), z.array(endpointSchema)),
});

const envelopeSchema = z.object({
  format: z.literal(FORMAT),
  version: z.number(),
  checksum: z.string(),
  body: z.unknown(),
});

type Body = z.output<typeof bodySchema>;

/**
 * The endpoints of one source on disk. What cannot be used is told once and otherwise like no file at all:
 * a snapshot helps a gateway to start, and never keeps one from it.
 */
export class SnapshotFile {
  readonly #options: SnapshotFileOptions;
  #lastProblem: string | undefined;

  constructor(options: SnapshotFileOptions) {
    this.#options = options;
  }

  /** Undefined when there is none of use. Never rejects. */
  async load(): Promise<StoredSnapshot | undefined> {
    try {
      const body = readEnvelope(await readFile(this.#options.path, 'utf8'));
      const reason = this.#uselessness(body);
      if (reason === undefined) return { services: this.#setsOf(body), confirmedAt: body.confirmedAt };
      this.#tell(`${this.#options.path} is not used: ${reason}`);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT')
        this.#tell(`${this.#options.path} is not used: ${messageOf(error)}`);
    }
    return undefined;
  }

  /**
   * Replaces the file in one step: whoever reads it, after a crash too, finds the old one or this one
   * whole. Draining endpoints are left out. Never rejects.
   */
  async save({ services, confirmedAt }: StoredSnapshot): Promise<void> {
    const { path, registry } = this.#options;
    const body: Body = { registry, confirmedAt, services: Object.fromEntries(plainServices(services)) };
    const text = envelopeOf(JSON.stringify(body));
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeDurably(temporary, text, 0o600);
      await rename(temporary, path);
      this.#lastProblem = undefined;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      this.#tell(`${path} cannot be written: ${messageOf(error)}`);
    }
  }

  #uselessness({ registry, confirmedAt }: Body): string | undefined {
    const { registry: ours, clock, maxAge } = this.#options;
    if (registry !== ours) return `it is of another registry, ${registry}`;
    const age = clock.now() - confirmedAt;
    if (age > maxAge) return `it is ${Math.round(age / 1000)} s old, more than ${maxAge / 1000} s`;
    return age < -maxAge ? 'it is from the future' : undefined;
  }

  #setsOf({ services }: Body): Map<string, EndpointSet> {
    const sets = new Map<string, EndpointSet>();
    for (const [service, stored] of Object.entries(services)) {
      const endpoints = stored.flatMap((endpoint) => this.#endpointOf(endpoint));
      if (endpoints.length > 0) sets.set(service, endpointSet(service, endpoints));
    }
    return sets;
  }

  #endpointOf(stored: z.output<typeof endpointSchema>): Endpoint[] {
    const address = parseAddress(stored.address);
    if (typeof address === 'string' || !mayList(this.#options.policy, address.host)) return [];
    const { text, host, port } = address;
    return [{ ...stored, address: text, host, port, zone: stored.zone, standing: 'listed' }];
  }

  /** A full disk stays full for a while: what is wrong is told when it changes. */
  #tell(detail: string): void {
    if (detail === this.#lastProblem) return;
    this.#lastProblem = detail;
    const { announce, clock, source } = this.#options;
    announce('source', { at: clock.now(), source, kind: 'snapshot', detail });
  }
}

/** Throws an Error that says what is wrong with the text. */
function readEnvelope(text: string): Body {
  const envelope = envelopeSchema.safeParse(parseJson(text));
  if (!envelope.success) throw new Error('it is no snapshot');
  if (envelope.data.version !== VERSION) throw new Error(`it has version ${envelope.data.version}`);
  if (checksum(JSON.stringify(envelope.data.body) ?? '') !== envelope.data.checksum)
    throw new Error('its checksum is wrong');
  const body = bodySchema.safeParse(envelope.data.body);
  if (!body.success) throw new Error('it is no snapshot');
  return body.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is no JSON, or not all of it');
  }
}

/** Put together by hand: a large body is turned into text once, and requests wait meanwhile. */
function envelopeOf(body: string): string {
  return `{"format":"${FORMAT}","version":${VERSION},"checksum":"${checksum(body)}","body":${body}}\n`;
}

/** Parsing keeps the order of members, so a body that was read is written as it was. */
function checksum(body: string): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

function* plainServices(services: StoredSnapshot['services']): Generator<[string, Body['services'][string]]> {
  for (const [service, { endpoints }] of services) {
    const staying = endpoints.filter(({ standing }) => standing !== 'draining');
    if (staying.length > 0) yield [service, staying.map(plainEndpoint)];
  }
}

function plainEndpoint(endpoint: Endpoint): Body['services'][string][number] {
  const { address, weight, zone, metadata, keys, revision, lease, since } = endpoint;
  return {
    address,
    weight,
    ...(zone !== undefined && { zone }),
    metadata: { ...metadata },
    keys: [...keys],
    revision,
    lease,
    since,
  };
}
