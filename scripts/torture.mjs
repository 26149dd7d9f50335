// `npm run torture -- [--registry etcd|embedded] [--case NAME]… [--list]`: all set-up, then every fault that
// docs/torture.md tells of, one after another. The exit status is 0 when every case passed.
import { join } from 'node:path';
import { ensureDependencies, ensureNode } from './setup.mjs';

ensureNode();
ensureDependencies();
// Later than the rest: what these need may only just have been installed.
const { ensureServers } = await import('./servers.mjs');
const { runCommand } = await import('./run-tests.mjs');

const { missing } = await ensureServers(['etcd-3.5']);
for (const line of missing) process.stderr.write(`${line}\n`);

const args = ['--import', 'tsx', join('test', 'torture', 'main.ts'), ...process.argv.slice(2)];
process.exitCode = missing.length > 0 ? 1 : await runCommand(args);
