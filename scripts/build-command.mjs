// Bundles what the command and its workers load: `node scripts/build-command.mjs FOLDER`, with a compiled src in FOLDER.
// Reading two thousand small files is most of what a start costs otherwise.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';
import { root } from './setup.mjs';

const [, , given] = process.argv;
if (given === undefined) throw new Error('usage: node scripts/build-command.mjs FOLDER');
const folder = resolve(given);
const bundle = join(folder, 'command');

/** Each gets a bundle of its own name in `command`, and becomes the file that loads it. */
const ENTRIES = ['main', 'worker'];

/** What a module finds beside itself it must find from within the bundle too. */
const whereItWas = {
  name: 'where-it-was',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(folder + sep)) return undefined;
      const text = readFileSync(path, 'utf8');
      const from = relative(bundle, path).split(sep).join('/');
      const url = `new URL(${JSON.stringify(from)}, import.meta.url).href`;
      return { contents: text.replaceAll('import.meta.url', url), loader: 'js' };
    });
  },
};

/**
 * Of undici, whose index also has fetch, caches, mocks and proxies, what we use: half of the bundle otherwise. An
 * import of anything else from it fails the build.
 */
const UNDICI = `
  import api from 'undici/lib/api/index.js';
  import Client from 'undici/lib/dispatcher/client.js';
  import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
  import Pool from 'undici/lib/dispatcher/pool.js';
  Object.assign(Dispatcher.prototype, api);
  export { Client, Pool };
`;

const leanUndici = {
  name: 'lean-undici',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'lean' }));
    onLoad({ filter: /.*/, namespace: 'lean' }, () => ({ contents: UNDICI, resolveDir: root }));
  },
};

/** Loaded only when spans are exported, by names that are known at run time: as installed, like the exporters' own parts. */
const tracingAsInstalled = {
  name: 'tracing-as-installed',
  setup({ onResolve }) {
    onResolve({ filter: /^@opentelemetry\// }, ({ importer }) =>
      importer.startsWith(folder + sep) ? { external: true } : undefined,
    );
  },
};

/** Folder of the package that a bundled file is of; undefined for our own. */
function packageOf(input) {
  const at = input.lastIndexOf('node_modules/');
  if (at < 0) return undefined;
  const start = at + 'node_modules/'.length;
  const segments = input.slice(start).split('/');
  return input.slice(0, start) + segments.slice(0, segments[0].startsWith('@') ? 2 : 1).join('/');
}

/** Their licences ask to be handed on with every copy. */
function licencesOf(packages) {
  return packages.map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, path)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? `License: ${license}` : readFileSync(join(root, path, file), 'utf8');
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
}

const { metafile } = await build({
  entryPoints: ENTRIES.map((name) => join(folder, `${name}.js`)),
  outdir: bundle,
  absWorkingDir: root,
  bundle: true,
  // What one command alone needs stays apart.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // With one character beyond Latin-1 in it, V8 keeps a whole file at two bytes for each.
  charset: 'ascii',
  // Names stay, so that a stack trace still says where it comes from.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  // Packages in the older form of modules ask for Node's own with `require`.
  banner: {
    js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);",
  },
  plugins: [whereItWas, leanUndici, tracingAsInstalled],
  metafile: true,
  logLevel: 'warning',
});

const packages = new Set(Object.keys(metafile.inputs).map(packageOf));
packages.delete(undefined);
writeFileSync(join(bundle, 'LICENSES.txt'), licencesOf([...packages].sort()).join('\n---\n\n'));
for (const name of ENTRIES) {
  const first = name === 'main' ? '#!/usr/bin/env node\n' : '';
  writeFileSync(join(folder, `${name}.js`), `${first}import './command/${name}.js';\n`);
}
const bytes = Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
process.stderr.write(`watchgate: the command is ${(bytes / 1e6).toFixed(1)} MB with its source maps\n`);
