import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestServer } from '../../scripts/servers.mjs';
import type { Rival, Work } from '../rival.js';

function config({ port, site }: Work): string {
  // By default it keeps 32 idle connections to an endpoint, and would open new ones all the time.
  const proxy = `reverse_proxy ${site.endpoints.join(' ')} {
      transport http {
        keepalive_idle_conns 4096
        keepalive_idle_conns_per_host 1024
      }
    }`;
  const handlers = site.routes.map((route) =>
    route === '/' ? `handle {\n    ${proxy}\n  }` : `handle ${route}/* {\n    ${proxy}\n  }`,
  );
  return `{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  ${handlers.join('\n  ')}
}
`;
}

export function caddyRival({ commands, version, env }: TestServer): Rival {
  return {
    name: 'caddy',
    version,
    features: new Set(['routes', 'endpoints', 'websocket']),
    async launch(work) {
      const file = join(work.folder, 'Caddyfile');
      writeFileSync(file, config(work));
      return {
        file: commands['caddy'] ?? '',
        args: ['run', '--adapter', 'caddyfile', '--config', file],
        env: {
          ...env,
          GOMAXPROCS: '1',
          HOME: work.folder,
          XDG_DATA_HOME: work.folder,
          XDG_CONFIG_HOME: work.folder,
        },
      };
    },
  };
}
