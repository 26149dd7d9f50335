import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-ports.js';
import { listenOnLoopback } from '../support/wire.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const inProject = (path: string): boolean => existsSync(`${ROOT}${path}`);

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Instructions in order; continued lines are joined, comments dropped. */
function readInstructions(dockerfile: string): readonly Instruction[] {
  const lines = dockerfile
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  return lines.filter(Boolean).map((line) => {
    const [, name = '', text = ''] =
      /^([A-Z]+)\s+(.*)$/.exec(line) ?? assert.fail(`not an instruction: ${line}`);
    return { name, text };
  });
}

/** One list per FROM; what comes before the first is left out. */
function stagesOf(instructions: readonly Instruction[]): readonly (readonly Instruction[])[] {
  const starts = instructions.flatMap(({ name }, index) => (name === 'FROM' ? [index] : []));
  return starts.map((start, index) => instructions.slice(start, starts[index + 1]));
}

describe('the Dockerfile', () => {
  const instructions = readInstructions(readFileSync(`${ROOT}Dockerfile`, 'utf8'));
  const stages = stagesOf(instructions);
  const [build = [], dependencies = [], final = []] = stages;

  function texts(stage: readonly Instruction[], name: string): readonly string[] {
    return stage.filter((instruction) => instruction.name === name).map(({ text }) => text);
  }

  /** A command in exec form: without a shell, which would keep signals from it. */
  function words(name: string): readonly string[] {
    const [text = ''] = texts(final, name);
    const parsed: unknown = JSON.parse(text.replace(/^[^[]*/, ''));
    assert.ok(Array.isArray(parsed), name);
    return parsed.map(String);
  }

  test('builds in one stage, installs in a second, and ships a third that has run nothing', () => {
    assert.deepEqual(
      stages.map(([from]) => / AS (\w+)$/.exec(from?.text ?? '')?.[1]),
      ['build', 'dependencies', undefined],
    );
    assert.ok(texts(instructions, 'ARG').includes('NODE_IMAGE=node:24-slim'));
    assert.deepEqual(texts(final, 'RUN'), []);
  });

  test('ships no development dependency', () => {
    const [install = ''] = texts(dependencies, 'RUN');
    assert.match(install, /^npm ci --omit=dev\b/);
    assert.ok(texts(final, 'COPY').includes('--from=dependencies /app/node_modules node_modules'));
    assert.ok(!texts(final, 'COPY').some((text) => /--from=build .*node_modules/.test(text)));
  });

  test('copies only what there is, and .dockerignore lets it through', () => {
    const ignore = readFileSync(`${ROOT}.dockerignore`, 'utf8').split('\n');
    const copied = stages
      .flatMap((stage) => texts(stage, 'COPY'))
      .filter((text) => !text.startsWith('--from='))
      .flatMap((text) => text.split(' ').slice(0, -1));
    assert.ok(copied.length > 0);
    for (const path of copied) {
      assert.ok(inProject(path), `${path} is there`);
      assert.ok(ignore.includes(`!${path}`), `${path} is let through`);
    }
    assert.ok(ignore.includes('*'), 'nothing else is');
  });

  test('builds from every file that the build reads', () => {
    const copied = texts(build, 'COPY').join(' ');
    const configs = readdirSync(ROOT).filter((name) => /^tsconfig.*\.json$/.test(name));
    for (const path of [...configs, 'src', 'examples', 'scripts'])
      assert.match(copied, new RegExp(`\\b${path}\\b`));
  });

  test('runs as a user who is not root, named by number', () => {
    assert.match(texts(final, 'USER').at(-1) ?? '', /^[1-9]\d*:[1-9]\d*$/);
  });

  test('starts the gateway without a shell, with a file that it brings', () => {
    assert.deepEqual(words('ENTRYPOINT'), ['node', 'dist/main.js']);
    const command = words('CMD');
    assert.deepEqual(command.slice(0, 2), ['start', '-c']);
    assert.ok(texts(final, 'COPY').includes(`routes.yaml ${command.at(-1)}`));
    assert.deepEqual(texts(final, 'STOPSIGNAL'), ['SIGTERM']);
  });

  for (const [answer, status] of [
    [200, 0],
    [503, 1],
    ['nothing', 1],
  ] as const) {
    test(`its health check ends with ${status} when the admin port answers ${answer}`, async (t) => {
      const server = createServer((_request, response) => response.writeHead(Number(answer)).end());
      t.after(() => server.close());
      const port = answer === 'nothing' ? await freePort() : await listenOnLoopback(server);

      const [program, ...args] = words('HEALTHCHECK');
      assert.equal(program, 'node');
      const env = { WATCHGATE_HEALTH_URL: `http://127.0.0.1:${port}/healthz` };
      const [ended] = await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit');
      assert.equal(ended, status);
    });
  }

  test('its health check asks where the admin port is by default', () => {
    assert.match(texts(final, 'ENV').join(' '), /WATCHGATE_HEALTH_URL=http:\/\/127\.0\.0\.1:9901\/healthz/);
  });

  test('has the version of the package', () => {
    const [, version] = /"version": "([^"]+)"/.exec(readFileSync(`${ROOT}package.json`, 'utf8')) ?? [];
    assert.ok(texts(final, 'ARG').includes(`VERSION=${version}`));
    const kustomization = readFileSync(`${ROOT}k8s/kustomization.yaml`, 'utf8');
    assert.match(kustomization, new RegExp(`newTag: ${version}$`, 'm'));
  });
});
