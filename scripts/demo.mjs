// `npm run demo`: all set-up, then `watchgate demo` in this same process, so that the terminal's keys
// and signals reach it.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureReady, root } from './setup.mjs';

ensureReady();
const main = join(root, 'dist', 'main.js');
process.argv = [process.execPath, main, 'demo', ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
