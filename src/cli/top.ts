import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../config/units.js';
import { delay, systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { type AdminFlags, adminOption, openAdmin, tokenOption } from './admin-options.js';
import { paintFor } from './paint.js';
import { withNotice } from './progress.js';
import { remarks } from './remarks.js';
import { paperOf } from './table.js';
import { Measurements } from './top-measurements.js';
import { TopScreen } from './top-screen.js';
import { formatTop, SORT_ORDERS, type SortOrder, sortServices } from './top-table.js';

interface TopFlags extends AdminFlags {
  readonly sort: SortOrder;
  /** Milliseconds. */
  readonly interval: number;
  readonly once?: boolean;
  readonly json?: boolean;
}

/** `watchgate top`: what passes through the gateway now, by service and endpoint. */
export function topCommand(): Command {
  return new Command('top')
    .description('show requests, errors and latency of each service and endpoint, live')
    .argument('[service]', 'only this service')
    .addOption(new Option('--sort <column>', 'what comes first').choices(SORT_ORDERS).default('requests'))
    .addOption(
      new Option('--interval <duration>', 'time over which is measured')
        .argParser(readInterval)
        .default(2_000, '2s'),
    )
    .option('--once', 'measure once, print and end; what happens into a pipe too')
    .option('--json', 'print JSON, one object for each measurement')
    .addOption(adminOption())
    .addOption(tokenOption())
    .addHelpText(
      'after',
      remarks(
        '\nKeys: q quits; n, r, e and p sort by name, requests, errors and p99.' +
          '\n\nExamples:\n  watchgate top\n  watchgate top goods --sort errors\n  watchgate top --once --json',
      ),
    )
    .action(async (service: string | undefined, flags: TopFlags) => {
      const client = openAdmin(flags);
      const measure = new Measurements(client, service, flags.interval);
      if (flags.once || !(process.stdout.isTTY || flags.json)) await printOnce(measure, flags);
      else if (flags.json) await printEach(measure);
      else await follow(measure, flags);
    });
}

const SHORTEST_MS = 100;

/** Milliseconds. */
export function readInterval(text: string): number {
  const interval = parseDuration(text);
  if (interval === undefined || interval < SHORTEST_MS)
    throw new InvalidArgumentError('Wanted a duration of 100ms or more, such as 5s.');
  return interval;
}

/** Timers of the clock do not keep the process alive. */
async function keptAlive<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}

async function printOnce(measure: Measurements, { sort, json }: TopFlags): Promise<void> {
  const services = sortServices(await keptAlive(withNotice('measuring', measure.next())), sort);
  const { stdout } = process;
  const lines = json ? [JSON.stringify(services)] : formatTop(services, paperOf(stdout));
  stdout.write(`${lines.join('\n')}\n`);
}

async function printEach(measure: Measurements): Promise<void> {
  const ended = new AbortController();
  // `watchgate top --json | head` has what it wants.
  process.stdout.once('error', () => ended.abort());
  await keptAlive(
    (async () => {
      while (!ended.signal.aborted) {
        const services = await measure.next(ended.signal);
        if (!ended.signal.aborted) process.stdout.write(`${JSON.stringify(services)}\n`);
      }
    })(),
  );
}

async function follow(measure: Measurements, { admin, sort }: TopFlags): Promise<void> {
  const { stdin, stdout } = process;
  const paint = paintFor(stdout, process.env);
  const screen = new TopScreen({ screen: stdout, paint, title: admin, order: sort });
  const ended = new AbortController();
  const keys = (typed: Buffer): void => {
    for (const key of typed.toString()) {
      // A raw terminal hands over Ctrl-C as a character.
      if (key === 'q' || key === '\u0003') ended.abort();
      else screen.press(key);
    }
  };
  const stop = (): void => ended.abort();
  const redraw = (): void => screen.draw();
  if (stdin.isTTY) stdin.setRawMode(true).on('data', keys).resume();
  for (const name of STOP_SIGNALS) process.on(name, stop);
  stdout.on('resize', redraw);
  screen.enter();
  try {
    await keptAlive(showUntil(ended.signal, measure, screen));
  } finally {
    screen.leave();
    stdout.off('resize', redraw);
    for (const name of STOP_SIGNALS) process.off(name, stop);
    if (stdin.isTTY) stdin.off('data', keys).pause().setRawMode(false);
  }
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const TRY_AGAIN_MS = 1_000;

/** Through restarts of the gateway; what fails the first time is not worth waiting for. */
async function showUntil(signal: AbortSignal, measure: Measurements, screen: TopScreen): Promise<void> {
  let reached = false;
  while (!signal.aborted) {
    try {
      const services = await measure.next(signal);
      if (signal.aborted) return;
      screen.show(services);
      reached = true;
    } catch (error) {
      if (!(error instanceof WatchgateError) || error.code !== 'ADMIN_UNREACHABLE' || !reached) throw error;
      screen.lost(error.message);
      await delay(systemClock, TRY_AGAIN_MS, signal);
    }
  }
}
