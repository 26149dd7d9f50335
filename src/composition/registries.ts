import type { Settings } from '../config/settings.js';
import { createAddressPolicy } from '../discovery/address-policy.js';
import type { Source } from '../discovery/source.js';
import { guardSources } from './guarded.js';
import { type OpenSources, openSources, type SourceTools } from './sources.js';

export interface RegistriesOptions extends Omit<SourceTools, 'allowed' | 'onHosting'> {
  /** The newest settings. The registries themselves are those of the first. */
  readonly settings: () => Settings;
  /** In place of the registries that the settings name; these are not guarded. */
  readonly sources?: readonly Source[] | undefined;
  /** For what an operator should know. */
  readonly warn: (fields: object, text: string) => void;
}

const HOSTING_WARNING =
  'hosting the embedded registry: in memory, for one machine; for a cluster set registry: { type: etcd, endpoints: […] }';

/** The guarded sources of the registries that the settings name. Throws what keeps one from starting. */
export async function openRegistries(options: RegistriesOptions): Promise<OpenSources> {
  const { settings, sources, warn } = options;
  if (sources !== undefined) return { sources, want: () => {}, close: async () => {} };
  const allowed = createAddressPolicy(settings().allowedAddresses);
  const opened = await openSources(settings().registries, {
    ...options,
    allowed,
    onHosting: (endpoint) => warn({ endpoint }, HOSTING_WARNING),
  });
  opened.want(settings());
  return { ...opened, sources: guardSources(opened.sources, { ...options, allowed }) };
}
