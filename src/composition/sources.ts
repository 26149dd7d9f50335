import { readFile } from 'node:fs/promises';
import type {
  ConsulSettings,
  EmbeddedSettings,
  RegistrySettings,
  Settings,
  TlsFiles,
} from '../config/settings.js';
import type { Clock } from '../core/clock.js';
import { messageOf, WatchgateError } from '../core/errors.js';
import type { Announce } from '../core/events.js';
import type { Random } from '../core/random.js';
import type { AddressPolicy } from '../discovery/address-policy.js';
import { type ConsulSource, createConsulSource } from '../discovery/consul/source.js';
import { createDnsSource } from '../discovery/dns/source.js';
import { createEtcdSource } from '../discovery/etcd/source.js';
import { createFileSource } from '../discovery/file/source.js';
import type { Source } from '../discovery/source.js';
import type { EmbeddedRegistry } from '../embedded/server.js';

export interface SourceTools {
  readonly allowed: AddressPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
  /** Told when this process itself becomes a registry. */
  readonly onHosting: (endpoint: string) => void;
}

/** The sources of a gateway, and the registries it hosts for them. */
export interface OpenSources {
  readonly sources: readonly Source[];
  /** Tells the sources that follow only what they must which services the routes of these settings lead to. */
  want(settings: Pick<Settings, 'routes' | 'autoRoutes'>): void;
  /** Closes the hosted registries; the sources belong to the directory. */
  close(): Promise<void>;
}

/** Makes a source of each configured registry, hosting the embedded ones. Throws what keeps one from starting. */
export async function openSources(
  registries: ReadonlyMap<string, RegistrySettings>,
  tools: SourceTools,
): Promise<OpenSources> {
  const hosted: EmbeddedRegistry[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(hosted.map((registry) => registry.close()));
  };
  const sources: Source[] = [];
  const selective: ConsulSource[] = [];
  try {
    for (const [name, settings] of registries) {
      if (settings.type === 'embedded') {
        const registry = await host(settings, tools);
        hosted.push(registry);
        tools.onHosting(registry.endpoint);
        sources.push(createEtcdSource({ ...tools, ...settings, name, endpoints: [registry.endpoint] }));
      } else if (settings.type === 'consul') {
        const tls = await readTls(settings.tls);
        const source = createConsulSource({ ...tools, ...settings, name, tls, wanted: NOTHING_YET });
        selective.push(source);
        sources.push(source);
      } else {
        sources.push(await openSource(name, settings, tools));
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  const want: OpenSources['want'] = ({ routes, autoRoutes }) => {
    for (const source of selective) {
      const own = routes.filter(({ registry }) => registry === source.name);
      source.want({ services: own.map(({ service }) => service), all: autoRoutes });
    }
  };
  return { sources, want, close };
}

/** Loaded here, because with it comes protobufjs, which a gateway on any other registry does without. */
async function host({ listen }: EmbeddedSettings, { clock }: SourceTools): Promise<EmbeddedRegistry> {
  const { startEmbeddedRegistry } = await import('../embedded/server.js');
  return startEmbeddedRegistry({ listen, clock });
}

/** Until the routes are known. */
const NOTHING_YET = { services: [], all: false };

/** A source of a registry that somebody else runs. It need not be there yet. */
async function openSource(
  name: string,
  settings: Exclude<RegistrySettings, EmbeddedSettings | ConsulSettings>,
  tools: SourceTools,
): Promise<Source> {
  switch (settings.type) {
    case 'dns':
      return createDnsSource({ ...tools, ...settings, name });
    case 'file':
      return createFileSource({ ...tools, ...settings, name });
    case 'etcd':
      return createEtcdSource({ ...tools, ...settings, name, tls: await readTls(settings.tls) });
  }
}

async function readTls(
  files: TlsFiles | undefined,
): Promise<{ ca?: Buffer; cert?: Buffer; key?: Buffer } | undefined> {
  if (files === undefined) return undefined;
  const { ca, cert, key } = files;
  return {
    ...(ca === undefined ? {} : { ca: await readPem('tls.ca', ca) }),
    ...(cert === undefined ? {} : { cert: await readPem('tls.cert', cert) }),
    ...(key === undefined ? {} : { key: await readPem('tls.key', key) }),
  };
}

async function readPem(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new WatchgateError(
      'FILE_UNREADABLE',
      `registry: ${setting}: cannot read ${path}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
