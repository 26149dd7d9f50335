import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestServer } from '../scripts/servers.mjs';
import { freePorts } from '../test/support/free-ports.js';
import { PinnedProcess } from './process.js';

/** What stands behind the proxies. */
export interface Endpoints {
  /** Fast ones; all of them one nginx, on loopback addresses of their own. */
  readonly fast: readonly string[];
  /** Further ones, to come and go. */
  readonly spare: readonly string[];
  /** One that takes 100 ms for each request. */
  readonly slow: string;
  /** One that sends WebSocket messages back. */
  readonly websocket: string;
  stop(): Promise<void>;
}

const FAST = 1000;
const SPARE = 50;
const JSON_BODY = '{"code":0,"message":"ok","data":[{"id":1,"name":"apple","price":120}]}';
const HEADERS = 44;

export const downloads: Readonly<Record<string, number>> = {
  '/1m': 1024 * 1024,
  '/100m': 100 * 1024 * 1024,
};

function fastAddress(index: number): string {
  return `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}

function nginxConfig(folder: string, port: number): string {
  const listens = Array.from(
    { length: FAST + SPARE },
    (_, index) => `listen ${fastAddress(index)}:${port} backlog=1024;`,
  );
  const headers = Array.from(
    { length: HEADERS },
    (_, index) => `add_header X-Answer-${index} some-value-of-usual-length-${index};`,
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  access_log off; sendfile on; tcp_nopush on;
  keepalive_requests 1000000000; keepalive_timeout 1h; client_max_body_size 0;
  default_type application/json;
  server {
    ${listens.join('\n    ')}
    location / { return 200 '${JSON_BODY}'; }
    # Answering before the body has come would make every upload one that is cut short.
    location = /upload {
      client_body_buffer_size 2m; proxy_pass http://unix:${folder}/read;
      proxy_pass_request_body off; proxy_set_header Content-Length '';
    }
    location /headers { ${headers.join(' ')} return 200 '${JSON_BODY}'; }
    ${Object.keys(downloads)
      .map((path) => `location = ${path} { alias ${folder}${path}; }`)
      .join('\n    ')}
  }
  server {
    listen unix:${folder}/read;
    location / { return 200 '${JSON_BODY}'; }
  }
}
`;
}

/** Starts all of them on the given cores, with their files in `folder`. */
export async function startEndpoints(nginx: TestServer, folder: string, cores: string): Promise<Endpoints> {
  mkdirSync(folder);
  const [fastPort = 0, slowPort = 0, websocketPort = 0] = await freePorts(3);
  for (const [path, bytes] of Object.entries(downloads)) {
    writeFileSync(join(folder, path), '');
    truncateSync(join(folder, path), bytes);
  }
  writeFileSync(join(folder, 'nginx.conf'), nginxConfig(folder, fastPort));
  const script = (name: string): string => fileURLToPath(new URL(`servers/${name}`, import.meta.url));
  const start = (file: string, args: readonly string[], env = {}): PinnedProcess =>
    new PinnedProcess({ file, args, env }, { cores, log: join(folder, 'log') });
  const servers = [
    start(nginx.commands['nginx'] ?? '', ['-p', folder, '-c', join(folder, 'nginx.conf')], nginx.env),
    start(process.execPath, [script('slow-endpoint.mjs'), String(slowPort)]),
    start(process.execPath, [script('websocket-endpoint.mjs'), String(websocketPort)]),
  ];
  const fast = Array.from({ length: FAST + SPARE }, (_, index) => `${fastAddress(index)}:${fastPort}`);
  const slow = `127.0.0.1:${slowPort}`;
  const websocket = `127.0.0.1:${websocketPort}`;
  for (const [index, address] of [fast[0], slow, websocket].entries()) {
    await servers[index]?.until(async () => (await fetch(`http://${address}/`)).status < 500);
  }
  return {
    fast: fast.slice(0, FAST),
    spare: fast.slice(FAST),
    slow,
    websocket,
    async stop() {
      for (const server of servers) await server.stop();
    },
  };
}
