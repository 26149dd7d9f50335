import { Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../config/units.js';
import { systemClock } from '../core/clock.js';
import { systemRandom } from '../core/random.js';
import type { JournalEntry } from '../core/views.js';
import type { AdminClient } from './admin-client.js';
import { type AdminFlags, adminOption, openAdmin, tokenOption } from './admin-options.js';
import { printable } from './endpoint-rows.js';
import { followJournal, readJournal } from './journal-follow.js';
import { formatEntry } from './journal-text.js';
import { withNotice } from './progress.js';
import { remarks } from './remarks.js';
import { paperOf } from './table.js';
import { wrapped } from './wrapped.js';

interface JournalFlags extends AdminFlags {
  readonly service?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** `watchgate journal`: what joined, left, failed and changed, and why. */
export function journalCommand(): Command {
  return new Command('journal')
    .description('show what happened to endpoints, registries and the configuration')
    .option('-s, --service <name>', "only changes of this service's endpoints")
    .option('--since <when>', 'a duration back from now, such as 10m, or an ISO 8601 time', readSince)
    .option('-f, --follow', 'go on with each new entry')
    .option('--json', 'print one JSON object per line')
    .addOption(adminOption())
    .addOption(tokenOption())
    .addHelpText('after', remarks('\nExample:\n  watchgate journal --service goods --since 10m --follow'))
    .action(async (flags: JournalFlags) => {
      const { service, since, follow, json } = flags;
      const client = openAdmin(flags);
      const show = (entry: JournalEntry): void => {
        // As wide as the terminal is now: it may change while entries come.
        const { width, paint } = paperOf(process.stdout);
        const lines = json ? [JSON.stringify(entry)] : wrapped(formatEntry(entry, paint), width);
        process.stdout.write(`${lines.join('\n')}\n`);
      };
      if (follow) await followUntilClosed(client, service, since, show);
      else {
        const entries = await withNotice('waiting for the gateway', readJournal(client, service, since));
        for (const entry of entries) show(entry);
      }
    });
}

/** Milliseconds since the epoch, of `10m` or `2026-01-02T03:04:05Z`. */
export function readSince(text: string): number {
  const ago = parseDuration(text);
  const moment = ago === undefined ? Date.parse(text) : systemClock.now() - ago;
  if (Number.isNaN(moment))
    throw new InvalidArgumentError('It is neither a duration such as 10m nor an ISO 8601 time.');
  return moment;
}

async function followUntilClosed(
  client: AdminClient,
  service: string | undefined,
  since: number | undefined,
  show: (entry: JournalEntry) => void,
): Promise<void> {
  const ended = new AbortController();
  // `watchgate journal --follow | head` has what it wants.
  process.stdout.once('error', () => ended.abort());
  // Waiting to reconnect has no socket that would keep the process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  let told = false;
  try {
    await followJournal({
      client,
      service,
      since,
      show(entry) {
        told = false;
        show(entry);
      },
      lost(reason) {
        if (!told) process.stderr.write(`watchgate: connection lost, reconnecting: ${printable(reason)}\n`);
        told = true;
      },
      clock: systemClock,
      random: systemRandom,
      signal: ended.signal,
    });
  } finally {
    clearInterval(alive);
  }
}
