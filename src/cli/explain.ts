import { Command } from 'commander';
import { WatchgateError } from '../core/errors.js';
import type { Explanation, PastExplanation } from '../core/explanation.js';
import type { AdminClient } from './admin-client.js';
import { type AdminFlags, adminOption, openAdmin, tokenOption } from './admin-options.js';
import { isRecord } from './endpoint-rows.js';
import { formatExplanation, styleOfExplanation } from './explanation-text.js';
import { readSince } from './journal.js';
import { formatPastExplanation } from './past-explanation-text.js';
import { withNotice } from './progress.js';
import { remarks } from './remarks.js';
import { paperOf } from './table.js';
import { wrapped } from './wrapped.js';

interface ExplainFlags extends AdminFlags {
  readonly header: readonly string[];
  readonly client?: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  readonly json?: boolean;
}

/** `watchgate explain METHOD URL [-H 'k: v']`: why this request goes where it goes. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('show where a request would go, and why; sends nothing')
    .argument('<method>', 'GET, POST, …')
    .argument('<url>', 'path and query, or an http:// URL')
    .option(
      '-H, --header <field>',
      'a field of the request, as "name: value"; may be given several times',
      collect,
      [],
    )
    .option('--client <ip>', 'address that the request comes from')
    .option(
      '--at <when>',
      'at a past moment: a duration back from now, such as 10m, or an ISO 8601 time',
      readSince,
    )
    .option('--json', 'print JSON')
    .addOption(adminOption())
    .addOption(tokenOption())
    .addHelpText(
      'after',
      remarks(
        "\nExamples:\n  watchgate explain GET /goods/list -H 'Host: shop.example'\n  watchgate explain GET /goods/list --at 10m",
      ),
    )
    .action(async (method: string, url: string, flags: ExplainFlags) => {
      const client = openAdmin(flags);
      const explanation = await withNotice('waiting for the gateway', ask(client, method, url, flags));
      const { width, paint } = paperOf(process.stdout);
      const lines = flags.json
        ? [JSON.stringify(explanation)]
        : linesOf(explanation).flatMap((line) => wrapped(paint(line, styleOfExplanation(line)), width));
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

function collect(field: string, before: readonly string[]): readonly string[] {
  return [...before, field];
}

async function ask(
  client: AdminClient,
  method: string,
  url: string,
  flags: ExplainFlags,
): Promise<Explanation | PastExplanation> {
  const query = new URLSearchParams({ method: method.toUpperCase(), url });
  for (const field of flags.header) query.append('header', field);
  if (flags.client !== undefined) query.set('client', flags.client);
  if (flags.at !== undefined) query.set('at', String(flags.at));
  const answer = await client.get(`/api/explain?${query}`);
  if (flags.at === undefined && isExplanation(answer)) return answer;
  if (flags.at !== undefined && isPastExplanation(answer)) return answer;
  throw new WatchgateError(
    'ADMIN_UNREACHABLE',
    'the answer is not from a Watchgate admin port of this version',
  );
}

function linesOf(explanation: Explanation | PastExplanation): string[] {
  return 'at' in explanation ? formatPastExplanation(explanation) : formatExplanation(explanation);
}

function isPastExplanation(answer: unknown): answer is PastExplanation {
  return (
    isRecord(answer) &&
    isRecord(answer['request']) &&
    isRecord(answer['configuration']) &&
    typeof answer['at'] === 'number' &&
    ['routes', 'endpoints', 'retries'].every((name) => Array.isArray(answer[name])) &&
    ['path', 'route', 'policy', 'service', 'refusal'].every((name) => name in answer)
  );
}

function isExplanation(answer: unknown): answer is Explanation {
  return (
    isRecord(answer) &&
    isRecord(answer['request']) &&
    ['routes', 'endpoints', 'retries'].every((name) => Array.isArray(answer[name])) &&
    ['path', 'route', 'forwarded', 'policy', 'service', 'pick', 'refusal'].every((name) => name in answer)
  );
}
