import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { loadConfig, parseConfig } from '../config/load.js';
import type { ConfigOrigin } from '../config/origin.js';
import type { Settings } from '../config/settings.js';
import { systemCode, WatchgateError } from '../core/errors.js';
import { formatProblem } from '../files/file-problem.js';
import { type Gateway, startGateway } from '../gateway.js';
import { openOrigin } from './config-origin.js';
import { remarks } from './remarks.js';

const DEFAULT_FILE = 'routes.yaml';

interface StartFlags {
  readonly config?: string;
}

/** `watchgate start`: runs the gateway until it is told to stop. */
export function startCommand(): Command {
  return new Command('start')
    .description('run the gateway')
    .option(
      '-c, --config <file>',
      `configuration, a file or etcd://host:port[,host:port…]/key (default: ${DEFAULT_FILE} if there is one, else all defaults)`,
    )
    .addHelpText(
      'after',
      remarks(
        '\nSIGTERM and SIGINT drain and stop; a second one stops at once. SIGHUP loads the configuration again.' +
          '\n\nOf a key, ETCD_USERNAME and ETCD_PASSWORD say who reads it, and ETCD_CA, ETCD_CERT and ETCD_KEY name PEM' +
          '\nfiles for etcds://.' +
          '\n\nExamples:\n  watchgate start -c routes.yaml\n  watchgate start -c etcd://10.0.0.2:2379/watchgate/routes',
      ),
    )
    .action(async ({ config }: StartFlags) => {
      const opened = await openOrigin(config ?? DEFAULT_FILE);
      try {
        await run(await loadSettings(opened.origin, config !== undefined));
      } finally {
        await opened.close();
      }
    });
}

interface Loaded {
  readonly settings: Settings;
  readonly origin: ConfigOrigin | undefined;
}

async function run(loaded: Loaded): Promise<void> {
  const gateway = await startProcesses(loaded);
  const stopped = runUntilSignalled(gateway);
  // After the signals have their listeners: whoever waits for this line may send one at once.
  const secure = gateway.tlsAddress === undefined ? '' : ` and https://${gateway.tlsAddress}`;
  process.stdout.write(`listening on http://${gateway.address}${secure}, admin on ${gateway.adminAddress}\n`);
  await stopped;
}

/** Most gateways are one process, and do not load what makes several of them one. */
async function startProcesses(loaded: Loaded): Promise<Gateway> {
  const { workers } = loaded.settings;
  const count = workers === 'auto' ? availableParallelism() : workers;
  if (count === 1) return startGateway(loaded);
  return (await import('../primary.js')).startPrimary(loaded, count);
}

async function loadSettings(origin: ConfigOrigin, named: boolean): Promise<Loaded> {
  try {
    const result = await loadConfig(origin, process.env);
    if ('settings' in result) return { settings: result.settings, origin };
    throw new WatchgateError('CONFIG_INVALID', result.errors.map(formatProblem).join('\n'));
  } catch (error) {
    const absent = error instanceof WatchgateError && systemCode(error.cause) === 'ENOENT';
    if (named || !absent) throw error;
    return { settings: defaultSettings(), origin: undefined };
  }
}

function defaultSettings(): Settings {
  const result = parseConfig('', 'defaults', process.env);
  if ('errors' in result)
    throw new WatchgateError('CONFIG_INVALID', 'the default configuration is not valid');
  return result.settings;
}

/** Resolves when the gateway has stopped. */
async function runUntilSignalled(gateway: Gateway): Promise<void> {
  const reload = (): void => void gateway.reload();
  process.on('SIGHUP', reload);
  await nextSignal();
  const atOnce = nextSignal();
  await Promise.race([gateway.drain(), atOnce]);
  await gateway.close();
  process.off('SIGHUP', reload);
}

function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    const signals = ['SIGTERM', 'SIGINT'] as const;
    const received = (): void => {
      for (const signal of signals) process.off(signal, received);
      resolve();
    };
    for (const signal of signals) process.on(signal, received);
  });
}
