import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { describeRegistering } from '../contract/registering.js';

/** Debian's etcd client is 3.4, in which the same package has another path. */
async function build(path: string): Promise<string> {
  const program = await readFile(path, 'utf8');
  await writeFile(path, program.replace('"go.etcd.io/etcd/client/v3"', '"go.etcd.io/etcd/clientv3"'));
  const binary = path.replace(/\.go$/, '');
  for (const args of [
    ['vet', path],
    ['build', '-o', binary, path],
  ]) {
    const go = spawn('go', args, { stdio: ['ignore', 'inherit', 'inherit'] });
    const [status] = await once(go, 'exit');
    assert.equal(status, 0, `go ${args.join(' ')}`);
  }
  return binary;
}

describeRegistering([{ file: 'register.go', command: async (path) => [await build(path)] }]);
