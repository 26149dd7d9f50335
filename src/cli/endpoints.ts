import { Command } from 'commander';
import { systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { systemRandom } from '../core/random.js';
import type { AdminClient } from './admin-client.js';
import { type AdminFlags, adminOption, openAdmin, tokenOption } from './admin-options.js';
import { type EndpointRow, formatTable, printable, readRows } from './endpoint-rows.js';
import { watchEndpoints } from './endpoints-watch.js';
import { withNotice } from './progress.js';
import { remarks } from './remarks.js';
import { paperOf } from './table.js';
import { changeLines, liveTable } from './watch-views.js';

interface EndpointsFlags extends AdminFlags {
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** `watchgate endpoints [SERVICE] [--watch]`: what the gateway knows, once or live. */
export function endpointsCommand(): Command {
  return new Command('endpoints')
    .description('show endpoints and their state')
    .argument('[service]', 'only the endpoints of this service')
    .option('-w, --watch', 'follow changes live')
    .option('--json', 'print JSON; with --watch, one object per line')
    .addOption(adminOption())
    .addOption(tokenOption())
    .addHelpText(
      'after',
      remarks(
        '\nWith --watch into a pipe: = was there, + joined, - left, ~ changed; one line each.' +
          '\n\nExamples:\n  watchgate endpoints\n  watchgate endpoints goods --watch\n  watchgate endpoints --json | jq -r \'.[] | select(.state != "up") | .address\'',
      ),
    )
    .action(async (service: string | undefined, flags: EndpointsFlags) => {
      const client = openAdmin(flags);
      if (flags.watch) await watch(client, service, flags);
      else await printOnce(client, service, flags.json ?? false);
    });
}

async function printOnce(client: AdminClient, service: string | undefined, json: boolean): Promise<void> {
  const asked = service === undefined ? client.get('/api/services').then(readRows) : rowsOf(client, service);
  const rows = await withNotice('waiting for the gateway', asked);
  if (json) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else process.stdout.write(`${formatTable(rows, systemClock.now(), paperOf(process.stdout)).join('\n')}\n`);
}

async function rowsOf(client: AdminClient, service: string): Promise<EndpointRow[]> {
  const found = await client.get(`/api/services/${encodeURIComponent(service)}`);
  if (found !== undefined) return readRows([found]);
  throw new WatchgateError('COMMAND_FAILED', `the gateway knows no service "${printable(service)}"`);
}

async function watch(client: AdminClient, service: string | undefined, flags: EndpointsFlags): Promise<void> {
  const { stdout, stderr } = process;
  const ended = new AbortController();
  // `watchgate endpoints --watch | head` has what it wants.
  stdout.once('error', () => ended.abort());
  const view =
    stdout.isTTY && !flags.json
      ? liveTable(stdout, systemClock, `Endpoints at ${flags.admin}`, paperOf(stdout).paint)
      : changeLines(stdout, stderr, flags.json ?? false);
  // Waiting to reconnect has no socket that would keep the process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    await watchEndpoints({
      client,
      service,
      view,
      clock: systemClock,
      random: systemRandom,
      signal: ended.signal,
    });
  } finally {
    clearInterval(alive);
  }
}
