import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Feature, Rival } from '../rival.js';

function versionOf(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return typeof found === 'object' && found !== null && 'version' in found
    ? String(found.version)
    : 'unknown';
}

function rival(name: string, script: string, features: readonly Feature[]): Rival {
  return {
    name,
    version: versionOf(name),
    features: new Set(features),
    async launch({ port, site }) {
      const file = fileURLToPath(new URL(`../servers/${script}`, import.meta.url));
      return {
        file: process.execPath,
        args: [file, String(port), site.endpoints[0] ?? '', ...site.routes],
        env: { NODE_ENV: 'production' },
      };
    },
  };
}

/** The proxies of the npm registry. */
export const nodeRivals: readonly Rival[] = [
  rival('@fastify/http-proxy', 'fastify-http-proxy.mjs', ['routes', 'websocket']),
  rival('http-proxy', 'http-proxy.mjs', ['websocket']),
  rival('fast-proxy', 'fast-proxy.mjs', []),
];
