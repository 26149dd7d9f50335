import { Command, Option } from 'commander';
import { systemClock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { systemRandom } from '../core/random.js';
import { parseRegistryUrl, type RegistryUrl } from '../core/registry-url.js';
import { surveyEtcd } from '../discovery/etcd/survey-etcd.js';
import { probeJson, probeLines } from './probe-report.js';
import { withNotice } from './progress.js';
import { remarks } from './remarks.js';

interface ProbeFlags {
  readonly json?: boolean;
  readonly keys?: boolean;
}

const DEFAULT_REGISTRY = 'etcd://127.0.0.1:2379/service_registry_discovery';

const HELP = `
Reads once and writes nothing. Without a path it looks at the whole registry; a prefix is looked for with and
without its leading slash, for some frameworks write keys without one.

Examples:
  watchgate probe etcd://10.0.0.2:2379/microservices
  watchgate probe etcd://root:secret@10.0.0.2:2379 --json`;

/** `watchgate probe`: what registers in a registry, and the settings to read it. */
export function probeCommand(): Command {
  return new Command('probe')
    .description('scan a registry: which schemas, services and leases it holds, and the settings to read it')
    .argument(
      '[registry]',
      `etcd://host:port[,host:port…][/prefix] (default: WATCHGATE_REGISTRY, else ${DEFAULT_REGISTRY})`,
    )
    .option('--keys', 'list every key with its schema')
    .addOption(new Option('--json', 'print all of it as JSON').conflicts('keys'))
    .addHelpText('after', remarks(HELP))
    .action(async (registry: string | undefined, flags: ProbeFlags) => {
      await probe(registry ?? (process.env['WATCHGATE_REGISTRY'] || DEFAULT_REGISTRY), flags);
    });
}

async function probe(text: string, { json = false, keys = false }: ProbeFlags): Promise<void> {
  const url = parseRegistryUrl(text);
  if (url.type !== 'etcd')
    throw new WatchgateError('REGISTRY_URL', 'registry: probe reads etcd only, wanted etcd://…');
  const { endpoints, username, password } = url;
  const prefixes = prefixesToTry(text, url);
  // A registry that answers nothing has no socket that would keep the process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    const survey = surveyEtcd({
      ...{ endpoints, username, password, prefixes },
      clock: systemClock,
      random: systemRandom,
    });
    const found = await withNotice('reading the registry', survey);
    const report = { survey: found, url, prefix: prefixes[0] };
    process.stdout.write(`${json ? probeJson(report) : probeLines(report, keys).join('\n')}\n`);
  } finally {
    clearInterval(alive);
  }
}

/** A URL cannot say that the prefix has no leading slash. */
function prefixesToTry(text: string, { prefix }: RegistryUrl): [string, ...string[]] {
  const namesNone = /^[a-z]+:\/\/[^/]*\/*$/.test(text);
  return namesNone ? [''] : [prefix, prefix.slice(1)];
}
