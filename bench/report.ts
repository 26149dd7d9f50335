import { writeFileSync } from 'node:fs';
import { type Bar, bars } from './bars.js';
import { loads } from './loads.js';
import { type LoadResult, type Run, savedRuns } from './results.js';
import { newestScaleRun, type ScaleRun, scaleBars } from './scale-results.js';
import { scaleTable } from './scale-table.js';
import { markdownTable, tableOf } from './table.js';

/** Makes docs/performance.md from what is in bench/results: of each load, the newest full measurement. */
interface Kept {
  readonly run: Run;
  readonly result: LoadResult;
}

const WHAT =
  'Watchgate beside nginx, HAProxy, Caddy and the proxies of the npm registry, on the same work in the same run.';

const INTRODUCTION = `# Performance

<!-- Made by \`npm run bench:report\` from bench/results. Change bench/report.ts, not this file. -->

${WHAT}

\`\`\`sh
npm run bench                       # everything, about 25 minutes
npm run bench -- --quick            # three loads, under two minutes
npm run bench -- --load get-64      # one load; --list names them
npm run bench:scale                 # starts, large registries, bursts of changes: about two minutes
npm run bench:report                # makes this page from what was kept
\`\`\`

It needs Linux and two cores. nginx, HAProxy, Caddy, wrk and etcd are used as installed, or fetched through Debian's package manager
into a cache folder; nothing is installed.

## How to read it

- **CPU per request** is what the proxy's process used, user and system, by \`/proc\`, over the requests that were answered. It
  is the figure to compare: throughput also depends on how fast the load and the endpoint are, which share the other core.
- **Compare within a table only.** All proxies of a table ran at the same time, idle but for their turns, and the bursts took turns, so what else the
  machine did met them alike. Absolute figures differ from machine to machine, and here from hour to hour.
- CPU is that of the cheapest burst, since whatever else runs can only make work dearer; the rest are medians of the bursts. p50 and p99 are at saturation: with 64 connections they say how long the queue is.
- Watchgate runs as built, with default settings but for the access log, which is off where the table does not say otherwise, as the others' is:
  metrics, trace context, retries and ejection are on. Its endpoints are registered in a real etcd; the others have them in their configuration.
- The others are set up to keep connections to the endpoint and to stream bodies, which not all of them do by default. nginx and
  HAProxy have one worker, Caddy one processor. No proxy adds more than \`X-Forwarded-*\` but Watchgate, which also adds \`Via\`, \`Forwarded\` and trace context.
- Errors are answers of 400 and above, broken connections and timeouts. A proxy with errors did less work than the others.
`;

function newest(runs: readonly Run[]): ReadonlyMap<string, Kept> {
  const kept = new Map<string, Kept>();
  for (const run of runs.filter(({ quick }) => !quick)) {
    for (const result of run.loads) kept.set(result.load, { run, result });
  }
  return kept;
}

function machineLines({ machine, versions }: Run, loadAverages: readonly number[]): string {
  const names = Object.entries(versions).filter(([name, version]) => version !== '' && !name.includes(','));
  const list = names.map(([name, version]) => `${name} ${version}`).join(', ');
  const busiest = Math.max(...loadAverages);
  return `## Measured on

${machine.cores} cores of an ${machine.cpu} (virtual), Linux ${machine.kernel}. ${list}.
The load average just before each table, which tells what else was running and the end of the table before, is under its title; the highest was ${busiest}.
`;
}

function barTable(results: ReadonlyMap<string, LoadResult>): string {
  return `## What it is held to

${barsTable(bars(results))}
`;
}

function loadSection(title: string, load: (typeof loads)[number], { run, result }: Kept): string {
  const bursts = Math.max(...result.rows.map(({ repeats }) => repeats.length));
  const when = `${result.measuredAt.slice(0, 10)}, ${bursts} bursts of ${run.secondsEach} s, load average before: ${result.loadAverage}`;
  return `### ${title}

\`--load ${load.name}\`; ${when}.

${markdownTable(tableOf(load, result))}
`;
}

function barsTable(all: readonly Bar[]): string {
  const rows = all.map(({ what, bound, measured, met }) => [what, bound, measured, met ? 'yes' : 'no']);
  return markdownTable({ columns: ['', 'bound', 'measured', 'met'], rows });
}

function scaleSection(run: ScaleRun): string {
  const { cores, cpu, kernel } = run.machine;
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  return `## Start and scale

\`npm run bench:scale\`; ${run.measuredAt.slice(0, 10)}, load average before: ${run.loadAverage}; ${cores} cores of an ${cpu}, Linux ${kernel}; ${versions.join(', ')}.
The gateway has one core, with all of its threads; etcd, who writes to it and who sends requests share the other. Medians of ${run.startMs.length} starts and of ${run.large.length} large registries, each with a
gateway of its own. Requests go out every 2 ms on 64 connections while 5,000 registrations are written as fast as etcd takes them: added, deleted by others than their owners, and
added once more. Before each, requests have gone on for 5 s, of which the last 2 are "before"; and for 9 s after the loss, until all that were lost have been probed.

${barsTable(scaleBars(run))}

Bursts: medians, the longest delay of all, and all that failed:

${markdownTable(scaleTable(run))}
`;
}

const kept = newest(savedRuns());
const last = [...kept.values()].at(-1);
if (last === undefined) throw new Error('nothing is kept in bench/results: npm run bench');
const results = new Map([...kept].map(([name, { result }]) => [name, result]));
const sections = loads.flatMap((load) => {
  const found = kept.get(load.name);
  return found === undefined ? [] : [loadSection(load.title, load, found)];
});
const averages = [...results.values()].map(({ loadAverage }) => loadAverage);
const scale = newestScaleRun();
const text = [
  INTRODUCTION,
  machineLines(last.run, averages),
  barTable(results),
  ...(scale === undefined ? [] : [scaleSection(scale)]),
  '## Figures\n',
  ...sections,
].join('\n');
writeFileSync(new URL('../docs/performance.md', import.meta.url), text);
