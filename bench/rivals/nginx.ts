import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestServer } from '../../scripts/servers.mjs';
import type { Rival, Work } from '../rival.js';

function config({ port, folder, site }: Work): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const locations = site.routes.map((route) => `location ${route} { proxy_pass http://goods; }`);
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  access_log off; keepalive_requests 1000000000; client_max_body_size 0;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream goods {
    ${site.endpoints.map((address) => `server ${address};`).join('\n    ')}
    keepalive 1024; keepalive_requests 1000000000;
  }
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  # Bodies stream, as through the others; by default nginx writes large ones to files.
  proxy_request_buffering off; proxy_max_temp_file_size 0;
  server {
    listen 127.0.0.1:${port} backlog=1024;
    ${locations.join('\n    ')}
  }
}
`;
}

export function nginxRival({ commands, version, env }: TestServer): Rival {
  return {
    name: 'nginx',
    version,
    features: new Set(['routes', 'endpoints', 'websocket']),
    async launch(work) {
      const file = join(work.folder, 'nginx.conf');
      writeFileSync(file, config(work));
      return { file: commands['nginx'] ?? '', args: ['-p', work.folder, '-c', file], env };
    },
  };
}
