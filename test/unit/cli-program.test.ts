import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildProgram } from '../../src/cli/program.js';
import { freePort } from '../support/free-ports.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a user would. */
function watchgate(...args: string[]): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

describe('the command line', { concurrency: 2, timeout: 60_000 }, () => {
  test('--version is the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.deepEqual(await watchgate('--version'), { code: 0, out: `${version}\n`, err: '' });
  });

  test('--help lists every command, and is no failure', async () => {
    const { code, out } = await watchgate('--help');
    assert.equal(code, 0);
    for (const name of ['start', 'check', 'demo', 'registry', 'register', 'endpoints']) {
      assert.match(out, new RegExp(`^  ${name} .*\\w`, 'm'));
    }
  });

  test('--help has examples, and no prose that is wider than a terminal was once', async () => {
    assert.match((await watchgate('--help')).out, /\nExamples:\n {2}watchgate demo\n/);
    for (const name of ['start', 'config', 'register', 'probe']) {
      const prose = (await watchgate(name, '--help')).out
        .split('\n')
        .filter((line) => !line.startsWith('  '));
      assert.deepEqual(
        prose.filter((line) => line.length > 80),
        [],
        name,
      );
    }
  });

  test('every command has its own --help', async () => {
    for (const args of [
      ['endpoints', '--help'],
      ['help', 'endpoints'],
    ]) {
      const { code, out } = await watchgate(...args);
      assert.equal(code, 0);
      assert.match(out, /^Usage: watchgate endpoints .*\[service\]/);
      assert.match(out, /--watch/);
    }
  });

  test('no command at all is a usage error that shows the help', async () => {
    const { code, out, err } = await watchgate();
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /Usage: watchgate/);
  });

  test('a mistyped command is answered with the nearest one', async () => {
    const { code, err } = await watchgate('endpoint');
    assert.equal(code, 2);
    assert.match(err, /^watchgate: unknown command 'endpoint'\n\(Did you mean endpoints\?\)/);
  });

  test('a mistyped option too', async () => {
    const { code, err } = await watchgate('endpoints', '--wach');
    assert.equal(code, 2);
    assert.match(err, /^watchgate: unknown option '--wach'\n\(Did you mean --watch\?\)/);
  });

  test('what goes wrong is one line without a stack, and exit 1', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { code, err } = await watchgate('endpoints', '--admin', url);
    assert.equal(code, 1);
    assert.equal(err, `watchgate: cannot reach ${url}: is a gateway running there? (ECONNREFUSED)\n`);
  });

  test('a flag that cannot be understood is a usage error', async () => {
    const run = await watchgate('endpoints', '--admin', '127.0.0.1:9901');
    assert.equal(run.code, 2);
    assert.equal(run.err, 'watchgate: --admin: "127.0.0.1:9901" is not an http:// or https:// URL\n');
  });
});

test('only the commands that are named are loaded', async () => {
  const optionsOf = async (args: string[]) => {
    const program = await buildProgram(args);
    return program.commands.filter((command) => command.options.length > 0).map((command) => command.name());
  };
  assert.deepEqual(await optionsOf(['endpoints']), ['endpoints']);
  assert.deepEqual(await optionsOf(['--help']), []);
});
