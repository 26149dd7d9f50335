import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import { parse } from 'yaml';
import { registerCommand } from '../../src/cli/register.js';
import { parseConfig } from '../../src/config/load.js';
import { schemaError, unknownFields } from '../support/kubernetes.js';

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly command?: readonly string[];
        readonly environment?: Readonly<Record<string, string>>;
        readonly depends_on?: readonly string[];
        readonly network_mode?: string;
        readonly healthcheck?: { readonly disable?: boolean };
      }
    >
  >;
}

const UNITS = ['goods.service', 'goods-registration.service', 'goods-wrapped.service'];

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
}

const fileOf = (name: string): string => read(`examples/sidecar/${name}`);
const compose: Compose = parse(fileOf('compose.yaml'));
const deployment: IDeployment & { apiVersion: string; kind: string; metadata: { name: string } } = parse(
  fileOf('kubernetes.yaml'),
);

/** Reads a command line as the command does, and runs nothing. */
async function accepted([name, ...args]: readonly string[]): Promise<Record<string, unknown>> {
  assert.equal(name, 'register');
  const command = registerCommand()
    .exitOverride()
    .action(() => {});
  await command.parseAsync(args, { from: 'user' });
  return command.opts();
}

/** The value of a setting of a unit. */
function setting(unit: string, name: string): string | undefined {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(fileOf(unit))?.[1];
}

test('Compose stops the registration before the program, whose network it shares', async () => {
  const { goods, 'goods-registration': registration } = compose.services;
  assert.ok(goods && registration);
  assert.equal(registration.network_mode, 'service:goods');
  assert.deepEqual(registration.depends_on, ['goods']);
  assert.equal(registration.healthcheck?.disable, true);
  const { service, registry } = await accepted(registration.command ?? []);
  const parsed = parseConfig(fileOf('routes.yaml'), 'routes.yaml', {});
  assert.ok('settings' in parsed, JSON.stringify(parsed));
  assert.deepEqual(
    parsed.settings.routes.map((route) => route.service),
    [service],
  );
  assert.ok(registry);
  assert.match(registration.environment?.['WATCHGATE_REGISTRY'] ?? '', /^etcd:\/\/etcd:2379\//);
});

test('systemd starts the registration with the program, and stops it before', async () => {
  const beside = 'goods-registration.service';
  for (const name of ['BindsTo', 'After', 'WantedBy']) assert.equal(setting(beside, name), 'goods.service');
  assert.equal(setting('goods-wrapped.service', 'KillMode'), 'mixed');
  for (const unit of [beside, 'goods-wrapped.service']) {
    const [program, ...args] = setting(unit, 'ExecStart')?.split(' ') ?? [];
    assert.equal(program, '/usr/bin/watchgate');
    const { drainWait, stopTimeout } = await accepted(args);
    const wait = unit === beside ? Number(drainWait) : Number(drainWait) + Number(stopTimeout);
    assert.ok(Number(setting(unit, 'TimeoutStopSec')) * 1_000 > wait, unit);
  }
});

const { status: noSystemd } = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' });

test('systemd finds nothing wrong with the units', {
  skip: noSystemd === 0 ? false : 'systemd-analyze is not here',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-units-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const unit of UNITS) {
    // It looks whether the program is there, too.
    const text = fileOf(unit).replaceAll(/\/usr\/bin\/(?:watchgate|python3)/g, process.execPath);
    await writeFile(join(folder, unit), text);
  }
  const paths = UNITS.map((unit) => join(folder, unit));
  const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', ...paths]);
  const ours = stderr.split('\n').filter((line) => line.includes('goods'));
  assert.deepEqual(ours, []);
});

test('in Kubernetes the program hears of its end when the registration has left', async () => {
  assert.equal(await schemaError(deployment), undefined);
  assert.deepEqual(await unknownFields([deployment]), []);
  const pod = deployment.spec?.template.spec;
  const [program, registration] = pod?.containers ?? [];
  assert.equal(pod?.initContainers, undefined);
  const { drainWait } = await accepted(
    (registration?.args ?? []).map((arg) => (arg === '$(POD_IP)' ? '10.0.0.5' : arg)),
  );
  const [sleep, seconds] = program?.lifecycle?.preStop?.exec?.command ?? [];
  assert.equal(sleep, 'sleep');
  assert.ok(Number(seconds) * 1_000 > Number(drainWait));
  assert.ok(Number(seconds) < Number(pod?.terminationGracePeriodSeconds));
});

test('what docs/sidecar.md shows is in the files', () => {
  const files = [...UNITS, 'compose.yaml', 'kubernetes.yaml'].map(fileOf).join('\n');
  const lines = new Set(files.split('\n').map((line) => line.trim()));
  const blocks = [...read('docs/sidecar.md').matchAll(/^```(?:yaml|ini)\n(.*?)^```/gms)];
  assert.ok(blocks.length >= 3);
  for (const [, text = ''] of blocks) {
    for (const line of text.split('\n')) assert.ok(lines.has(line.trim()), line);
  }
});
