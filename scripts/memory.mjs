// `npm run memory`: all set-up, then how much memory a gateway holds with 10,000 idle clients and with 200 slow
// readers of 100 MB each. The exit status is 0 when both are within the limit.
import { join } from 'node:path';
import { ensureReady } from './setup.mjs';

ensureReady();
// Later than the rest: what it needs may only just have been installed.
const { runCommand } = await import('./run-tests.mjs');

process.exitCode = await runCommand(['--import', 'tsx', join('bench', 'memory.ts')]);
