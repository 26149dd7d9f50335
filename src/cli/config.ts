import { constants } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../config/units.js';
import { systemClock } from '../core/clock.js';
import { messageOf, WatchgateError } from '../core/errors.js';
import { systemRandom } from '../core/random.js';
import { FileSync, type FileSyncOptions } from '../live-config/file-sync.js';
import { KeptFile } from '../live-config/kept-file.js';
import { KeptFolder } from '../live-config/kept-folder.js';
import {
  isRegistryUrl,
  type KeyLocation,
  keyLocation,
  parseKeyUrl,
  withCredentials,
} from '../live-config/key-location.js';
import { checkDraft } from './check-draft.js';
import { signalPidFile } from './pid-file.js';
import { withNotice } from './progress.js';
import { remarks } from './remarks.js';
import { TendedProgram } from './tended-program.js';

interface ConfigFlags {
  readonly file: string;
  readonly signal?: NodeJS.Signals;
  readonly pidFile?: string;
  readonly check?: string;
  readonly wait: number;
  readonly stopTimeout: number;
  readonly once?: boolean;
  readonly registry: string;
}

const DEFAULT_REGISTRY = 'etcd://127.0.0.1:2379';
/** After that a program starts with the file of before, if there is one. */
const PATIENCE_MS = 3_000;
const ONCE_PATIENCE_MS = 10_000;
/** What a program may want to hear besides that it is to stop. */
const PASSED_ON = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGWINCH'] as const;

const HELP = `
KEY is a key of etcd, or etcd://host:port/key. With a slash at its end it is every key below it: the path is then
a link to a folder with a file for each. ETCD_USERNAME, ETCD_PASSWORD, ETCD_CA, ETCD_CERT and ETCD_KEY say who
reads it, and how.

With CMD it runs it once the file is there, and exits with its exit code. For a change it sends it --signal, or
stops it and starts it again. SIGTERM and SIGINT stop it; other signals are passed on.

Examples:
  watchgate config /web/nginx.conf --file nginx.conf --check 'nginx -t -c "$FILE"' --signal HUP -- nginx -g 'daemon off;'
  watchgate config /app/ --file /run/app/settings --registry etcd://10.0.0.2:2379 -- ./app
  watchgate config /app/settings.json --file settings.json --once`;

/** `watchgate config`: keeps a file in step with a key, for programs that cannot hold a watch themselves. */
export function configCommand(): Command {
  return new Command('config')
    .description('keep a file in step with a key of etcd, and tell a program when it changes')
    .argument('<key>', 'the key, or a prefix that ends with /', keyArgument)
    .argument('[command...]', 'the program to run, after --')
    .requiredOption('--file <path>', 'the file to write; of a prefix, a link to a folder')
    .option(
      '--signal <name>',
      'sent for each change, such as HUP (default: CMD is started again)',
      signalFlag,
    )
    .option('--pid-file <path>', 'sends the signal to the process that this file names, instead of CMD')
    .option(
      '--check <command>',
      'shell command that judges a new file, whose path is in $FILE, by its exit code',
    )
    .addOption(
      new Option('--wait <duration>', 'between a change and its writing, to take those that come with it')
        .argParser(durationFlag)
        .default(100, '100ms'),
    )
    .addOption(
      new Option('--stop-timeout <duration>', 'between SIGTERM and SIGKILL to CMD')
        .argParser(durationFlag)
        .default(10_000, '10s'),
    )
    .option('--once', 'write the file and exit')
    .addOption(
      // Not through commander's own check: its message would repeat the password.
      new Option(
        '--registry <url>',
        'etcd://[user:password@]host:port[,host:port…], or etcds:// for TLS',
      ).default(
        process.env['WATCHGATE_REGISTRY'] || DEFAULT_REGISTRY,
        `WATCHGATE_REGISTRY, else ${DEFAULT_REGISTRY}`,
      ),
    )
    .addHelpText('after', remarks(HELP))
    .action(async (key: string, command: string[], flags: ConfigFlags) => {
      process.exitCode = await run(key, command, flags);
    });
}

async function run(key: string, [file, ...args]: string[], flags: ConfigFlags): Promise<number> {
  refuseContradictions(file, flags);
  const location = await locate(key, flags);
  const place = key.endsWith('/')
    ? new KeptFolder(flags.file, location.key, location.name)
    : new KeptFile(flags.file, location.name);
  await place.prepare();
  const options: Omit<FileSyncOptions, 'written'> = {
    location,
    place,
    check: async (path) =>
      flags.check === undefined ? undefined : checkDraft(flags.check, path, systemClock),
    waitMs: flags.wait,
    note,
    clock: systemClock,
    random: systemRandom,
  };
  // While the registry is away there is no socket that would keep the process alive.
  const hold = setInterval(() => {}, 60_000);
  try {
    if (flags.once) return await writeOnce(options);
    return await (file === undefined ? keepFile(options, flags) : tend([file, ...args], options, flags));
  } finally {
    clearInterval(hold);
  }
}

async function writeOnce(options: Omit<FileSyncOptions, 'written'>): Promise<number> {
  // What is wrong is the error of the command.
  const sync = new FileSync({ ...options, note: () => {}, written: async () => {} });
  try {
    await withNotice('waiting for the registry', sync.open(AbortSignal.timeout(ONCE_PATIENCE_MS)));
    return 0;
  } finally {
    await sync.close();
  }
}

async function keepFile(
  options: Omit<FileSyncOptions, 'written'>,
  { pidFile, signal = 'SIGHUP' }: ConfigFlags,
): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve());
  });
  const written = async (): Promise<void> => {
    if (pidFile !== undefined) note(await signalPidFile(pidFile, signal));
  };
  const sync = new FileSync({ ...options, written });
  // What keeps it from the first value has been told, and it goes on.
  void sync.open().catch(() => undefined);
  await stopped;
  await sync.close();
  return 0;
}

async function tend(
  command: [string, ...string[]],
  options: Omit<FileSyncOptions, 'written'>,
  { signal, stopTimeout }: ConfigFlags,
): Promise<number> {
  const program = new TendedProgram({
    command,
    signal,
    stopTimeoutMs: stopTimeout,
    clock: systemClock,
    note,
  });
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => program.stop());
  for (const name of PASSED_ON) process.on(name, () => program.tell(name));
  const sync = new FileSync({
    ...options,
    written: async () => {
      begin();
      await program.changed();
    },
  });
  const opening = sync.open(AbortSignal.timeout(PATIENCE_MS)).then(begin, async (error: unknown) => {
    if (!(await options.place.exists())) return;
    note(`starting with ${options.place.path} as it is: ${messageOf(error)}`);
    begin();
  });
  void begun.then(() => program.start());
  const code = await program.ended;
  await sync.close();
  await opening;
  return code;
}

function note(line: string): void {
  process.stderr.write(`watchgate config: ${line}\n`);
}

async function locate(key: string, { registry }: ConfigFlags): Promise<KeyLocation> {
  const location = isRegistryUrl(key) ? parseKeyUrl(key) : keyLocation(registry, key);
  return withCredentials(location, process.env);
}

function refuseContradictions(program: string | undefined, { signal, pidFile, once }: ConfigFlags): void {
  const refuse = (message: string): never => {
    throw new WatchgateError('BAD_FLAG', message);
  };
  if (program !== undefined && pidFile !== undefined) refuse('--pid-file: not beside a program after --');
  if (program === undefined && pidFile === undefined && signal !== undefined)
    refuse('--signal: wanted somebody to send it to: a program after --, or --pid-file');
  if (once && (program !== undefined || pidFile !== undefined))
    refuse('--once: writes the file and exits; not beside a program or --pid-file');
}

function keyArgument(text: string): string {
  if (!/^\/*$/.test(text)) return text;
  throw new InvalidArgumentError('Wanted a key, such as /app/settings.');
}

function signalFlag(text: string): NodeJS.Signals {
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  const known = Object.keys(constants.signals).find((signal): signal is NodeJS.Signals => signal === name);
  if (known !== undefined) return known;
  throw new InvalidArgumentError('Wanted the name of a signal, such as HUP or USR2.');
}

function durationFlag(text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined) return duration;
  throw new InvalidArgumentError('Wanted a duration such as 300ms, 5s or 1m.');
}
