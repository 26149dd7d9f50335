import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../support/free-ports.js';
import { eventually } from '../support/gateway-on-registry.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/getting-started.md'), 'utf8');

/** What the page says to type and to save, in order; ports in the text are those of the page. */
function blocksUnder(heading: string): { readonly language: string; readonly text: string }[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return [...section.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

/** A folder like a clone that has been built, in which its commands can be typed. */
async function clone(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-started-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(ROOT, 'dist'), join(folder, 'dist'));
  return folder;
}

/** Types a command into a shell of its own. It is stopped with the test, and what it started with it. */
function type(
  t: TestContext,
  folder: string,
  command: string,
): { readonly said: () => string; ended: Promise<number> } {
  const child = spawn('sh', ['-c', command], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  }
  const closed = once(child, 'close');
  t.after(async () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGTERM');
    await closed;
  });
  return { said: () => text, ended: closed.then(([code]) => code) };
}

test('the parts of docs/getting-started.md, typed one by one, answer what it says', async (t) => {
  const blocks = blocksUnder('2. Run the parts yourself');
  assert.deepEqual(
    blocks.map(({ language }) => language),
    ['sh', 'yaml', 'sh', 'sh', 'console'],
  );
  const [registry, routes, gateway, service, request] = blocks.map(({ text }) => text);
  const [registryPort = 0, port = 0, adminPort = 0, servicePort = 0] = await freePorts(4);
  // The page has the ports that people have; a test takes those that are free.
  const ours = new Map([
    ['2379', registryPort],
    ['8080', port],
    ['3000', servicePort],
  ]);
  // In one go: 18080 is one of ours, too.
  const onFreePorts = (text = ''): string =>
    text.replace(/2379|8080|3000/g, (theirs) => String(ours.get(theirs)));
  const folder = await clone(t);
  const listeners = `listen: 127.0.0.1:${port}\nadmin: 127.0.0.1:${adminPort}\n`;
  await writeFile(join(folder, 'my-routes.yaml'), listeners + onFreePorts(routes));

  const [check = '', start = ''] = onFreePorts(gateway).trim().split('\n');
  const checked = type(t, folder, check);
  assert.equal(await checked.ended, 0, checked.said());
  type(t, folder, onFreePorts(registry));
  type(t, folder, start);
  type(t, folder, `WATCHGATE_REGISTRY=etcd://127.0.0.1:${registryPort} ${onFreePorts(service)}`);

  const [, command = '', answer = ''] = /^\$ (.*)\n(.*)\n$/.exec(onFreePorts(request)) ?? [];
  await eventually(`${command} answers ${answer}`, async () => {
    const asked = type(t, folder, command.replace('curl ', 'curl -s '));
    return (await asked.ended) === 0 && asked.said() === `${answer}\n`;
  });
});
