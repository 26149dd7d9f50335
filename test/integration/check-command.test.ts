import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `watchgate check` in a folder that holds `files`. */
async function check(t: TestContext, files: Record<string, string>, ...flags: string[]): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-check-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const child = spawn(process.execPath, [MAIN, 'check', ...flags], {
    cwd: folder,
    env: { ...process.env, GOODS_PREFIX: '/goods' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [code, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a reference in routes.yaml.
const VALID = 'routes: [{ prefix: "${GOODS_PREFIX}", service: goods }]\n';
const BAD = 'listen: 8080\nroutes:\n  - prefx: /goods\n    service: goods\n';

test('a valid file is one line and exit 0; routes.yaml is the file when none is named', async (t) => {
  const ran = await check(t, { 'routes.yaml': VALID });
  assert.deepEqual(ran, { code: 0, stdout: 'routes.yaml is valid: 1 route, 1 registry\n', stderr: '' });
});

test('every error is a line with its place on stderr, and exit 1', async (t) => {
  assert.deepEqual(await check(t, { 'bad.yaml': BAD }, '-c', 'bad.yaml'), {
    code: 1,
    stdout: '',
    stderr: [
      'bad.yaml:1:9: listen: wanted host:port such as 0.0.0.0:8080, got 8080',
      'bad.yaml:3:5: routes[0].prefix: missing; wanted a path prefix such as /goods',
      'bad.yaml:3:5: routes[0]: unknown key "prefx"; did you mean "prefix"?',
      '',
    ].join('\n'),
  });
});

test('--json gives the same on stdout', async (t) => {
  const bad = await check(t, { 'bad.yaml': BAD }, '--config', 'bad.yaml', '--json');
  assert.deepEqual([bad.code, bad.stderr], [1, '']);
  const report = JSON.parse(bad.stdout);
  assert.deepEqual(
    [report.file, report.valid, report.errors.length, report.warnings],
    ['bad.yaml', false, 3, []],
  );
  assert.deepEqual(report.errors[0], {
    file: 'bad.yaml',
    line: 1,
    column: 9,
    message: 'listen: wanted host:port such as 0.0.0.0:8080, got 8080',
  });
  const empty = await check(t, { 'routes.yaml': '' }, '--json');
  assert.equal(empty.code, 0);
  assert.match(empty.stdout, /"valid":true,"errors":\[\],"warnings":\[\{"file":"routes.yaml","line":1/);
});

test('a warning is told on stderr and leaves exit 0', async (t) => {
  const ran = await check(t, { 'routes.yaml': 'routes:\n' });
  assert.equal(ran.code, 0);
  assert.equal(
    ran.stderr,
    'routes.yaml:1:1: warning: routes: no routes: every request will be answered 404\n',
  );
});

test('a file that is not there is one line and exit 1', async (t) => {
  const ran = await check(t, {}, '-c', 'nowhere.yaml');
  assert.deepEqual(ran, {
    code: 1,
    stdout: '',
    stderr: 'watchgate: cannot read nowhere.yaml: there is no such file\n',
  });
});
