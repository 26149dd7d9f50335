import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildProgram } from '../../src/cli/program.js';
import { type EtcdServer, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import { Sequence } from '../support/sequence.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const [version] = etcdVersions;

/** Says what it read, and what it is told; ends with 7 when it is to stop. */
const PROGRAM = `
  const read = () => console.log('read ' + require('node:fs').readFileSync(process.env.SETTINGS, 'utf8'));
  process.on('SIGHUP', () => { console.log('hup'); read(); });
  process.on('SIGUSR2', () => process.exit(3));
  process.on('SIGTERM', () => process.exit(7));
  setInterval(() => {}, 60000);
  read();
`;

/** The command in this process, for what ends by itself. */
async function config(...args: readonly string[]): Promise<void> {
  const program = await buildProgram(['config']);
  await program.parseAsync(['config', ...args], { from: 'user' });
}

describe('watchgate config', { concurrency: 2, skip: version === undefined && 'etcd is not here' }, () => {
  let etcd: EtcdServer;
  let keys = 0;
  before(async () => {
    etcd = await startEtcd(version ?? '3.4');
  });
  after(() => etcd.stop());

  const member = (t: TestContext) => openMembers(t, { endpoints: [etcd.endpoint] }).current();
  const registry = () => etcd.endpoint.replace('http:', 'etcd:');

  async function place(t: TestContext) {
    const folder = await mkdtemp(join(tmpdir(), 'watchgate-config-'));
    t.after(() => rm(folder, { recursive: true }));
    keys += 1;
    return { file: join(folder, 'settings'), key: `/app-${keys}/settings` };
  }

  /** The command with these arguments: its lines, its program's lines, and its end. */
  function run(t: TestContext, file: string, args: readonly string[]) {
    const child = spawn(process.execPath, [MAIN, 'config', '--file', file, ...args], {
      env: { ...process.env, WATCHGATE_REGISTRY: registry(), SETTINGS: file },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close').then(([code]) => code);
    t.after(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const said = new Sequence<string>('line of the program');
    createInterface(child.stdout).on('line', (line) => said.push(line));
    const notes = new Sequence<string>('note');
    const errors = createInterface(child.stderr).on('line', (line) => notes.push(line));
    // However long the command takes to start beside other tests.
    const begun = once(errors, 'line');
    return { child, said, notes, begun, ended };
  }

  const PROGRAM_ARGS = ['--', process.execPath, '-e', PROGRAM];

  test('the program runs once the file is there, gets the signal for each change, and its exit code is passed on', async (t) => {
    const { file, key } = await place(t);
    const { child, said, begun, ended } = run(t, file, [key, '--signal', 'hup', ...PROGRAM_ARGS]);
    await member(t).put(key, 'one');
    await begun;
    assert.equal(await said.nth(0), 'read one');
    await member(t).put(key, 'two');
    assert.deepEqual([await said.nth(1), await said.nth(2)], ['hup', 'read two']);
    child.kill('SIGTERM');
    assert.equal(await ended, 7);
  });

  test('without a signal the program is started again, and its own end is the end', async (t) => {
    const { file, key } = await place(t);
    await member(t).put(key, 'one');
    const { child, said, begun, ended } = run(t, file, [`${registry()}${key}`, ...PROGRAM_ARGS]);
    await begun;
    assert.equal(await said.nth(0), 'read one');
    await member(t).put(key, 'two');
    assert.equal(await said.nth(1), 'read two');
    // Any other signal than one to stop is the program's.
    child.kill('SIGUSR2');
    assert.equal(await ended, 3);
  });

  test('a process that a file names is told, and the command ends by itself when told to', async (t) => {
    const { file, key } = await place(t);
    await member(t).put(key, 'one');
    const told = once(process, 'SIGUSR2');
    await writeFile(`${file}.pid`, `${process.pid}\n`);
    const { child, notes, ended } = run(t, file, [key, '--pid-file', `${file}.pid`, '--signal', 'USR2']);
    await told;
    assert.equal(await readFile(file, 'utf8'), 'one');
    assert.match(await notes.nth(1), new RegExp(`SIGUSR2 sent to process ${process.pid}$`));
    child.kill('SIGINT');
    assert.equal(await ended, 0);
  });

  test('--once writes and exits, or says why it cannot', async (t) => {
    const { file, key } = await place(t);
    await member(t).put(key, '{"a":1}');
    await config(key, '--file', file, '--once', '--registry', registry());
    assert.equal(await readFile(file, 'utf8'), '{"a":1}');
    const missing = config(`${key}-none`, '--file', `${file}.json`, '--once', '--registry', registry());
    const message = `cannot read ${registry()}${key}-none: there is no such key`;
    await assert.rejects(missing, { code: 'KEY_MISSING', message });
  });

  test('while etcd is away the program starts with the file of before', async (t) => {
    const { file } = await place(t);
    await writeFile(file, 'of before');
    const { said, child, begun, ended, notes } = run(t, file, ['etcd://127.0.0.1:1/key', ...PROGRAM_ARGS]);
    await begun;
    assert.match(await notes.nth(0), /ECONNREFUSED.*; trying again$/);
    assert.equal(await said.nth(0), 'read of before');
    child.kill('SIGTERM');
    assert.equal(await ended, 7);
  });
});

test('what makes no sense on the command line is refused by name', async () => {
  const refused = (flag: string, ...args: readonly string[]) =>
    assert.rejects(config('/app', '--file', 'x', ...args), {
      code: 'BAD_FLAG',
      message: new RegExp(`^${flag}: `),
    });
  await refused('--signal', '--signal', 'HUP');
  await refused('--pid-file', '--pid-file', 'x.pid', '--', 'true');
  await refused('--once', '--once', '--', 'true');
});
