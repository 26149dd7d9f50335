import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { TestServer } from '../scripts/servers.mjs';
import { type Load, loads } from './loads.js';
import { type Bench, measureLoad } from './measure.js';
import { type LoadResult, machine, type Run, saveRun } from './results.js';
import type { Rival } from './rival.js';
import { caddyRival } from './rivals/caddy.js';
import { haproxyRival } from './rivals/haproxy.js';
import { nginxRival } from './rivals/nginx.js';
import { nodeRivals } from './rivals/node.js';
import { watchgateRival } from './rivals/watchgate.js';
import { openStage, type Stage } from './stage.js';
import { plainTable, tableOf } from './table.js';

const HELP = `Usage: npm run bench -- [options]

  --quick            three loads, under two minutes
  --load NAME        only this load; may be given again (--list shows them)
  --only NAME        only this proxy; may be given again
  --against FILE     also another build of Watchgate, by its dist/main.js; may be given again
  --seconds N        length of each burst (default 3)
  --repeats N        bursts for each proxy and load (default 3)
  --no-save          leave nothing in bench/results
  --list             show loads and proxies
`;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    help: { type: 'boolean' },
    list: { type: 'boolean' },
    quick: { type: 'boolean', default: false },
    load: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', multiple: true, default: [] },
    against: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string' },
    repeats: { type: 'string', default: '3' },
    save: { type: 'boolean', default: true },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The members of `all` that were asked for by name; all of them when none was. */
function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[],
): readonly T[] {
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new Error(`there is no ${unknown} (there are ${all.map(({ name }) => name).join(', ')})`);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function chosenLoads(): readonly Load[] {
  const all = chosen(loads, values.load);
  return values.quick && values.load.length === 0 ? all.filter(({ quick }) => quick === true) : all;
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}

function rivalsFrom(servers: Readonly<Record<string, TestServer>>): readonly Rival[] {
  const { nginx, haproxy, caddy } = servers;
  const version = ownVersion();
  const own: Rival[] = [
    watchgateRival({ name: 'watchgate', version, accessLog: 'off' }),
    watchgateRival({ name: 'watchgate, logging', version, accessLog: 'all', aside: true }),
  ];
  for (const [index, main] of values.against.entries()) {
    const name = `watchgate, build ${index + 2}`;
    own.push(watchgateRival({ name, version: 'another build', main, accessLog: 'off' }));
  }
  return [
    { name: 'no proxy', version: '', features: new Set(['websocket']) },
    ...(nginx === undefined ? [] : [nginxRival(nginx)]),
    ...(haproxy === undefined ? [] : [haproxyRival(haproxy)]),
    ...(caddy === undefined ? [] : [caddyRival(caddy)]),
    ...own,
    ...nodeRivals,
  ];
}

async function measureAll(bench: Bench, rivals: readonly Rival[]): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  for (const load of chosenLoads()) {
    const result = await measureLoad(bench, load, rivals);
    results.push(result);
    say(`\n${load.title}  (${load.name}; load average before: ${result.loadAverage})`);
    say(plainTable(tableOf(load, result)));
    for (const { rival, failed } of result.rows) if (failed !== undefined) say(`${rival}: ${failed}`);
  }
  return results;
}

function versionsOf({ registry, servers }: Stage, rivals: readonly Rival[]): Record<string, string> {
  return {
    node: process.versions.node,
    etcd: registry.version,
    wrk: servers['wrk']?.version ?? '',
    ...Object.fromEntries(rivals.map(({ name, version }) => [name, version])),
  };
}

async function main(): Promise<void> {
  const stage = await openStage();
  try {
    for (const line of stage.missing) say(line);
    const rivals = chosen(rivalsFrom(stage.servers), values.only);
    const secondsEach = Number(values.seconds ?? (values.quick ? 1 : 3));
    const bench: Bench = {
      ...stage,
      secondsEach,
      secondsToWarmUp: values.quick ? 1 : 2,
      repeats: Number(values.repeats),
    };
    const run: Run = {
      quick: values.quick,
      secondsEach,
      machine: machine(),
      versions: versionsOf(stage, rivals),
      loads: await measureAll(bench, rivals),
    };
    if (values.save) say(`\nkept in ${saveRun(run)}`);
  } finally {
    await stage.close();
  }
}

if (values.help === true) say(HELP);
else if (values.list === true) for (const { name, title } of loads) say(`${name.padEnd(16)}${title}`);
else await main();
