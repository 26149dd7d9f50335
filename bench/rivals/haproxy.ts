import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestServer } from '../../scripts/servers.mjs';
import type { Rival, Work } from '../rival.js';

function config({ port, folder, site }: Work): string {
  const everything = site.routes.length === 1 && site.routes[0] === '/';
  // A map is how HAProxy has many routes; rules one by one would be tried one by one.
  const choose = everything
    ? 'default_backend goods'
    : `use_backend %[path,map_beg(${folder}/routes.map,none)]`;
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  option forwardfor
  http-reuse always
frontend door
  bind 127.0.0.1:${port} backlog 1024
  ${choose}
backend goods
  ${site.endpoints.map((address, index) => `server s${index} ${address}`).join('\n  ')}
backend none
  http-request return status 404
`;
}

export function haproxyRival({ commands, version, env }: TestServer): Rival {
  return {
    name: 'haproxy',
    version,
    features: new Set(['routes', 'endpoints', 'websocket']),
    async launch(work) {
      const file = join(work.folder, 'haproxy.cfg');
      writeFileSync(join(work.folder, 'routes.map'), work.site.routes.map((r) => `${r} goods\n`).join(''));
      writeFileSync(file, config(work));
      return { file: commands['haproxy'] ?? '', args: ['-db', '-f', file], env };
    },
  };
}
