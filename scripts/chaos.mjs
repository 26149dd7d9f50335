// `npm run chaos -- [--seconds N] [--seed S]`: all set-up, then a gateway under load whose endpoints are broken in
// every way. Prints the ledger; the exit status is 0 when every request is accounted for.
import { join } from 'node:path';
import { ensureReady } from './setup.mjs';

ensureReady();
// Later than the rest: what it needs may only just have been installed.
const { runCommand } = await import('./run-tests.mjs');

const args = ['--import', 'tsx', join('test', 'chaos', 'main.ts'), ...process.argv.slice(2)];
process.exitCode = await runCommand(args);
