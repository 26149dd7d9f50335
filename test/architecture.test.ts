import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** Which rooms each room may import from, besides itself. `core` is open to all. */
const ALLOWED: Record<string, readonly string[]> = {
  core: [],
  files: [],
  config: ['files'],
  etcd: [],
  consul: [],
  discovery: ['etcd', 'files', 'consul'],
  'live-config': ['config', 'etcd', 'discovery', 'files'],
  routing: [],
  balancing: [],
  resilience: [],
  upstream: [],
  proxy: ['routing', 'balancing', 'resilience', 'upstream'],
  observability: [],
  admin: ['config'],
  registrar: ['etcd', 'consul'],
  embedded: [],
  grpc: ['discovery'],
  cli: ['files', 'config', 'discovery', 'live-config', 'registrar', 'embedded', 'gateway.ts', 'primary.ts'],
  composition: ['files', 'config', 'discovery', 'embedded', 'proxy'],
  'gateway-core.ts': ['composition', 'config', 'discovery', 'proxy', 'observability'],
  'gateway.ts': ['gateway-core.ts', 'composition', 'observability', 'admin'],
  workers: ['config', 'discovery'],
  'primary.ts': [
    'gateway.ts',
    'gateway-core.ts',
    'workers',
    'composition',
    'config',
    'discovery',
    'observability',
    'admin',
  ],
  'worker.ts': ['gateway-core.ts', 'workers', 'config', 'observability'],
  'plugin.ts': ['gateway.ts', 'config'],
  'main.ts': ['cli'],
};

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** `proxy` for src/proxy/handler.ts, `gateway.ts` for a file in src itself. */
function room(file: string): string {
  return relative(SRC, file).split('/')[0] ?? '';
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map(
    (match) => match[1] ?? '',
  );
  return specifiers.filter((specifier) => specifier.startsWith('.'));
}

test('every import follows the direction in ARCHITECTURE.md', () => {
  const broken: string[] = [];
  for (const file of sourceFiles(SRC)) {
    const from = room(file);
    for (const specifier of importsOf(file)) {
      const to = room(resolve(dirname(file), specifier.replace(/\.js$/, '.ts')));
      if (to !== from && to !== 'core' && !(ALLOWED[from] ?? []).includes(to)) {
        broken.push(`${relative(SRC, file)} imports ${specifier}: ${from} may not import ${to}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test('core is a leaf: it imports no package and does no I/O', () => {
  const harmless = new Set(['node:net']);
  const broken = sourceFiles(join(SRC, 'core')).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bfrom '([^'.][^']*)'/g)]
      .map((match) => match[1] ?? '')
      .filter((specifier) => !harmless.has(specifier))
      .map((specifier) => `${relative(SRC, file)} imports ${specifier}`),
  );
  assert.deepEqual(broken, []);
});

test('there are no default exports, and every room is in the table', () => {
  const files = sourceFiles(SRC);
  assert.deepEqual(
    [...new Set(files.map(room))].filter((name) => !(name in ALLOWED)),
    [],
  );
  assert.deepEqual(
    files.filter((file) => /^export default/m.test(readFileSync(file, 'utf8'))),
    [],
  );
});
