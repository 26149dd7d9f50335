import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Rival, Work } from '../rival.js';

/** Of the endpoints in the registry. */
export const SERVICE = 'goods';

export interface WatchgateOptions {
  readonly name: string;
  readonly version: string;
  /** `dist/main.js` of the build to run; the project's own when absent. */
  readonly main?: string;
  /** Everything else is at its default. */
  readonly accessLog: 'off' | 'all';
  readonly aside?: boolean;
  /** Processes that serve; 1 when absent. */
  readonly workers?: number;
  /** Further arguments for Node itself. */
  readonly nodeArgs?: readonly string[];
}

const OWN_MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

function config({ port, site, registry }: Work, prefix: string, accessLog: string, workers: number): string {
  return `listen: 127.0.0.1:${port}
admin: 127.0.0.1:0
workers: ${workers}
accessLog: ${accessLog === 'off' ? "'off'" : accessLog}
registry: { type: etcd, endpoints: ['${registry.url}'], prefix: ${prefix} }
routes:
${site.routes.map((route) => `  - { prefix: ${route}, service: ${SERVICE} }`).join('\n')}
`;
}

export function watchgateRival(options: WatchgateOptions): Required<Rival> {
  const { name, version, main = OWN_MAIN, accessLog, aside = false, workers = 1, nodeArgs = [] } = options;
  return {
    name,
    version,
    aside,
    features: new Set(['routes', 'endpoints', 'registry', 'websocket']),
    async launch(work) {
      const prefix = await work.registry.register(SERVICE, work.site.endpoints);
      const file = join(work.folder, 'routes.yaml');
      writeFileSync(file, config(work, prefix, accessLog, workers));
      return {
        file: process.execPath,
        args: [...nodeArgs, main, 'start', '-c', file],
        env: { NODE_ENV: 'production' },
        registryPrefix: prefix,
      };
    },
  };
}
