import { spawnSync } from 'node:child_process';
import { describeRegistering } from '../contract/registering.js';

function missing(command: string, ...version: readonly string[]): string | undefined {
  const { status } = spawnSync(command, version, { stdio: 'ignore' });
  return status === 0 ? undefined : `${command} is not here`;
}

describeRegistering([
  { file: 'register.sh', command: async (path) => ['sh', path] },
  {
    file: 'register.py',
    command: async (path) => ['python3', path],
    missing: missing('python3', '--version'),
  },
  {
    file: 'Register.java',
    command: async (path) => ['java', path],
    missing: missing('java', '--version'),
    // The Java machine ends like this after its hooks.
    exit: 143,
  },
]);
