// Bundles the page of the admin port: `node scripts/build-page.mjs FOLDER` writes page.js and page.css there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { root } from './setup.mjs';

const CLIENT = join(root, 'src', 'admin', 'dashboard', 'client');

/** It is opened in the middle of an incident, perhaps over a telephone. */
const MOST_BYTES_GZIPPED = 150_000;

const [, , folder] = process.argv;
if (folder === undefined) throw new Error('usage: node scripts/build-page.mjs FOLDER');

const { outputFiles } = await build({
  entryPoints: [
    { in: join(CLIENT, 'main.tsx'), out: 'page' },
    { in: join(CLIENT, 'style.css'), out: 'page' },
  ],
  outdir: resolve(folder),
  absWorkingDir: root,
  tsconfig: join(CLIENT, 'tsconfig.json'),
  bundle: true,
  minify: true,
  format: 'iife',
  charset: 'utf8',
  target: ['chrome111', 'firefox115', 'safari16.4'],
  banner: { js: '/* Holds Preact, (c) Jason Miller, MIT license: preactjs.com */' },
  logLevel: 'warning',
  write: false,
});

mkdirSync(folder, { recursive: true });
for (const { path, contents } of outputFiles) writeFileSync(path, contents);

const size = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
process.stderr.write(`watchgate: the page is ${(size / 1000).toFixed(1)} kB gzipped\n`);
if (size > MOST_BYTES_GZIPPED) {
  process.stderr.write(`watchgate: it may be ${MOST_BYTES_GZIPPED / 1000} kB at most\n`);
  process.exitCode = 1;
}
