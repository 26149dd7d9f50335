import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ensureServers } from '../../scripts/servers.mjs';
import { outlineOf } from '../../src/cli/command-outline.js';
import { completionScript, SHELLS } from '../../src/cli/completion-scripts.js';
import { wholeProgram } from '../../src/cli/program.js';

const run = promisify(execFile);
const commands = outlineOf(await wholeProgram());

const BASH = ['/usr/bin/bash', '/bin/bash', '/usr/local/bin/bash'].find(existsSync);

/** What bash offers for the last of these words. */
async function offered(...words: string[]): Promise<string[]> {
  const line = ['watchgate', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _watchgate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run(BASH ?? 'bash', ['-c', `${completionScript('bash', commands)}\n${ask}`]);
  return stdout.split('\n').filter(Boolean);
}

describe('completion in bash', { skip: BASH === undefined && 'there is no bash here' }, () => {
  test('offers the commands, and what begins as one', async () => {
    const all = await offered('');
    for (const { name } of commands) assert.ok(all.includes(name), name);
    assert.deepEqual(await offered('end'), ['endpoints']);
  });

  test('offers the flags of the command, also after its argument', async () => {
    assert.deepEqual(await offered('endpoints', 'goods', '--w'), ['--watch']);
    assert.deepEqual(await offered('help', 'jour'), ['journal']);
  });

  test('offers what a flag chooses from, files where one is wanted, and nothing for free text', async () => {
    assert.deepEqual(await offered('top', '--sort', ''), ['name', 'requests', 'errors', 'p99']);
    assert.deepEqual(await offered('completion', 'f'), ['fish']);
    assert.ok(
      (await offered('start', '-c', `${process.cwd()}/package.j`)).some((path) =>
        path.endsWith('package.json'),
      ),
    );
    assert.deepEqual(await offered('top', '--token', ''), []);
  });

  test('leaves alone what register runs', async () => {
    assert.deepEqual(await offered('register', '--service', 'goods', '--', 'node', '--'), []);
  });
});

test('every script has every command and flag, with its description where the shell shows one', () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, commands);
    for (const { name, options } of commands) {
      assert.ok(script.includes(name), `${shell}: ${name}`);
      for (const { long, description } of options) {
        assert.ok(
          script.includes(shell === 'fish' ? `-l ${long.slice(2)} ` : long),
          `${shell}: ${name} ${long}`,
        );
        const begin = description.split(/[[\]:']/)[0] ?? '';
        if (shell !== 'bash') assert.ok(script.includes(begin), `${shell}: ${description}`);
      }
    }
  }
});

const { found, missing } = await ensureServers(['zsh', 'fish']);
const [zsh, fish] = [found['zsh']?.commands['zsh'], found['fish']?.commands['fish']];

test('zsh is handed the flags with their descriptions, and what they choose from', {
  skip: zsh === undefined && missing[0],
}, async () => {
  const script = completionScript('zsh', commands);
  // Its completion system is not here; what it would be called with is printed instead.
  const stubs = '_arguments() { print -l -- "$@" }; _describe() { print -l -- $commands }; compdef() { : }';
  const ask = (line: string): Promise<{ stdout: string }> =>
    run(zsh ?? 'zsh', [
      '-f',
      '-c',
      `${stubs}\n${script}\nwords=(watchgate ${line} ''); CURRENT=$#words; _watchgate`,
    ]);
  assert.match((await ask('')).stdout, /^endpoints:show endpoints and their state$/m);
  const { stdout } = await ask('top');
  assert.match(stdout, /^--sort\[what comes first\]:column:\(name requests errors p99\)$/m);
  assert.match(stdout, /^1:service:$/m);
  assert.match((await ask('register')).stdout, /^\*::command:_normal$/m);
  assert.match((await ask('start')).stdout, /^-c\[.*\]:file:_files\n--config\[.*\]:file:_files$/m);
});

test('fish offers commands, flags and choices', { skip: fish === undefined && missing.at(-1) }, async () => {
  const functions = join(dirname(fish ?? ''), '../share/fish/functions');
  const script = completionScript('fish', commands);
  const lines = [
    'watchgate end',
    'watchgate endpoints --w',
    'watchgate top --sort n',
    'watchgate completion z',
  ];
  const asked = lines.map((line) => `complete -C '${line}'`).join('\n');
  const input = `set fish_function_path ${functions} $fish_function_path\n${script}\n${asked}`;
  const { stdout } = await run(fish ?? 'fish', ['--no-config', '-c', input], {
    env: { ...process.env, ...found['fish']?.env },
  });
  assert.deepEqual(
    stdout.split('\n').map((line) => line.split('\t')[0]),
    ['endpoints', '--watch', 'name', 'zsh', ''],
  );
});
