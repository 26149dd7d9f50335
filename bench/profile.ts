import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { freePort } from '../test/support/free-ports.js';
import { type Variant, variantNamed } from './loads.js';
import { startChurn } from './measure.js';
import { watchgateRival } from './rivals/watchgate.js';
import { openStage, type Stage } from './stage.js';

/**
 * Where the gateway's time goes under a load: the functions with the largest share of their own.
 * Run with: node --import tsx bench/profile.ts [--load get-64] [--seconds 8] [--top 15] [--main dist/main.js] [--logging]
 */
const { values } = parseArgs({
  options: {
    load: { type: 'string', default: 'get-64' },
    seconds: { type: 'string', default: '8' },
    top: { type: 'string', default: '15' },
    main: { type: 'string' },
    logging: { type: 'boolean', default: false },
  },
});

const SECONDS_TO_WARM_UP = 3;

const profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

type Profile = z.infer<typeof profile>;
type Frame = Profile['nodes'][number]['callFrame'];

/** Not work of the gateway's. */
const NOT_WORK = new Set(['(idle)', '(root)']);

/** Whose code a file is. */
function owner(url: string): string {
  if (url === '' || url.startsWith('wasm:')) return 'native code and WebAssembly';
  if (url.startsWith('node:')) return 'node';
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? 'watchgate';
}

/** Shares by `nameOf`, largest first, of what was sampled after `fromMicros`. */
function shares(
  { nodes, samples, timeDeltas }: Profile,
  fromMicros: number,
  nameOf: (frame: Frame) => string,
): [name: string, share: number][] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const byName = new Map<string, number>();
  let total = 0;
  let at = 0;
  for (const [index, id] of samples.entries()) {
    const micros = timeDeltas[index] ?? 0;
    at += micros;
    const frame = frames.get(id);
    if (at < fromMicros || frame === undefined || NOT_WORK.has(frame.functionName)) continue;
    byName.set(nameOf(frame), (byName.get(nameOf(frame)) ?? 0) + micros);
    total += micros;
  }
  return [...byName]
    .map(([name, micros]) => [name, micros / total] as const)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, share]) => [name, share]);
}

function placed({ functionName, url, lineNumber }: Frame): string {
  const place = url === '' ? '' : `  ${url.replace(/^.*\/(dist|node_modules)\//, '')}:${lineNumber + 1}`;
  return `${functionName || '(anonymous)'}${place}`;
}

/** A table of whose code runs, and one of the functions with the largest share of their own. */
function summary(file: string, fromMicros: number, top: number): string {
  const found = profile.parse(JSON.parse(readFileSync(file, 'utf8')));
  const line = ([name, share]: [string, number]): string =>
    `${(100 * share).toFixed(1).padStart(5)} %  ${name}`;
  const owners = shares(found, fromMicros, ({ url }) => owner(url));
  const functions = shares(found, fromMicros, placed).slice(0, top);
  return [...owners.map(line), '', ...functions.map(line)].join('\n');
}

/** Runs the gateway under the load with V8's profiler on; resolves to the summary. */
async function profiled(stage: Stage, variant: Variant): Promise<string> {
  const { folder, cores, traffic } = stage;
  const port = await freePort();
  const work = { ...stage, port, folder: join(folder, 'gateway'), site: variant.site(stage.endpoints) };
  mkdirSync(work.folder);
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
  const main = values.main === undefined ? {} : { main: values.main };
  const accessLog = values.logging ? 'all' : 'off';
  const rival = watchgateRival({ name: 'watchgate', version: '', accessLog, nodeArgs, ...main });
  const launch = await rival.launch(work);
  const gateway = spawn('taskset', ['-c', cores.proxy, launch.file, ...launch.args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const spawnedAt = performance.now();
  const ended = once(gateway, 'exit');
  try {
    await once(gateway.stdout, 'data');
    const stopChurn = startChurn(stage, variant, launch.registryPrefix);
    await traffic.send(`127.0.0.1:${port}`, variant.traffic, SECONDS_TO_WARM_UP);
    const warmMicros = (performance.now() - spawnedAt) * 1000;
    await traffic.send(`127.0.0.1:${port}`, variant.traffic, Number(values.seconds));
    await stopChurn();
    gateway.kill('SIGTERM');
    // The second one does away with draining.
    setTimeout(() => gateway.kill('SIGTERM'), 200);
    await ended;
    const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile')) ?? '';
    return summary(join(folder, file), warmMicros, Number(values.top));
  } finally {
    gateway.kill('SIGKILL');
  }
}

async function main(): Promise<void> {
  const variant = variantNamed(values.load, -1);
  const stage = await openStage();
  try {
    process.stdout.write(`${await profiled(stage, variant)}\n`);
  } finally {
    await stage.close();
  }
}

await main();
