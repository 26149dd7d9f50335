import { Command } from 'commander';
import { WatchgateError } from '../core/errors.js';
import type { WhyAnswer, WhyRequest } from '../core/recorded.js';
import type { AdminClient } from './admin-client.js';
import { type AdminFlags, adminOption, openAdmin, tokenOption } from './admin-options.js';
import { isRecord, printable } from './endpoint-rows.js';
import { isJournalEntry } from './journal-text.js';
import { withNotice } from './progress.js';
import { remarks } from './remarks.js';
import { paperOf } from './table.js';
import { formatFailures, formatWhy } from './why-text.js';
import { wrapped } from './wrapped.js';

interface WhyFlags extends AdminFlags {
  readonly json?: boolean;
}

/** `watchgate why TRACE_ID`: what became of a request, attempt by attempt. */
export function whyCommand(): Command {
  return new Command('why')
    .description('show why a request failed: its attempts, and what happened around it')
    .argument('[trace-id]', 'the x-trace-id of its response; without one, the newest failures are listed')
    .option('--json', 'print JSON')
    .addOption(adminOption())
    .addOption(tokenOption())
    .addHelpText('after', remarks('\nExample:\n  watchgate why 4bf92f3577b34da6a3ce929d0e0e4736'))
    .action(async (traceId: string | undefined, flags: WhyFlags) => {
      const client = openAdmin(flags);
      const asked: Promise<readonly WhyRequest[] | WhyAnswer> =
        traceId === undefined ? failures(client) : trace(client, traceId);
      const answer = await withNotice('waiting for the gateway', asked);
      const lines = 'requests' in answer ? formatWhy(answer) : formatFailures(answer);
      const { width } = paperOf(process.stdout);
      const shown = flags.json ? [JSON.stringify(answer)] : lines.flatMap((line) => wrapped(line, width));
      process.stdout.write(`${shown.join('\n')}\n`);
    });
}

async function failures(client: AdminClient): Promise<readonly WhyRequest[]> {
  const answer = await client.get('/api/why');
  if (Array.isArray(answer) && answer.every(isWhyRequest)) return answer;
  throw notWatchgate();
}

async function trace(client: AdminClient, traceId: string): Promise<WhyAnswer> {
  const answer = await client.get(`/api/why?trace_id=${encodeURIComponent(traceId)}`);
  if (answer === undefined) {
    throw new WatchgateError(
      'COMMAND_FAILED',
      `no request with the trace id ${printable(traceId)} is remembered: it was not at this gateway, did not fail, or is too long ago`,
    );
  }
  if (isWhyAnswer(answer)) return answer;
  throw notWatchgate();
}

function isWhyAnswer(answer: unknown): answer is WhyAnswer {
  return (
    isRecord(answer) &&
    Array.isArray(answer['requests']) &&
    answer['requests'].every(isWhyRequest) &&
    Array.isArray(answer['journal']) &&
    answer['journal'].every(isJournalEntry)
  );
}

function isWhyRequest(request: unknown): request is WhyRequest {
  return (
    isRecord(request) &&
    ['traceId', 'method', 'path', 'client'].every((name) => typeof request[name] === 'string') &&
    ['at', 'status', 'durationMs', 'upstreamMs'].every((name) => typeof request[name] === 'number') &&
    Array.isArray(request['attempts'])
  );
}

function notWatchgate(): WatchgateError {
  return new WatchgateError(
    'ADMIN_UNREACHABLE',
    'the answer is not from a Watchgate admin port of this version',
  );
}
