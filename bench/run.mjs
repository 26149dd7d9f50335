// `npm run bench`: all set-up, then the benchmark. Plain JavaScript, because it runs before node_modules exists.
import { ensureReady } from '../scripts/setup.mjs';

ensureReady();
// Later than the rest: what these need may only just have been installed.
const { register } = await import('tsx/esm/api');
register();
await import('./bench.ts');
