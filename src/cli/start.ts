import { Command } from 'commander';
import { loadConfig, parseConfig } from '../config/load.js';
import { type ConfigOrigin, fileOrigin } from '../config/origin.js';
import type { Settings } from '../config/settings.js';
import { systemCode, WatchgateError } from '../core/errors.js';
import { formatProblem } from '../files/file-problem.js';
import { type Gateway, startGateway } from '../gateway.js';

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
      `configuration (default: ${DEFAULT_FILE} if there is one, else all defaults)`,
    )
    .addHelpText(
      'after',
      '\nSIGTERM and SIGINT drain and stop; a second one stops at once. SIGHUP loads the configuration again.' +
        '\n\nExample:\n  watchgate start -c routes.yaml',
    )
    .action(async ({ config }: StartFlags) => {
      const { settings, origin } = await loadSettings(config);
      const gateway = await startGateway({ settings, origin });
      const stopped = runUntilSignalled(gateway);
      // After the signals have their listeners: whoever waits for this line may send one at once.
      process.stdout.write(`listening on http://${gateway.address}, admin on ${gateway.adminAddress}\n`);
      await stopped;
    });
}

async function loadSettings(
  path: string | undefined,
): Promise<{ settings: Settings; origin: ConfigOrigin | undefined }> {
  const origin = fileOrigin(path ?? DEFAULT_FILE);
  try {
    const result = await loadConfig(origin, process.env);
    if ('settings' in result) return { settings: result.settings, origin };
    throw new WatchgateError('CONFIG_INVALID', result.errors.map(formatProblem).join('\n'));
  } catch (error) {
    const absent = error instanceof WatchgateError && systemCode(error.cause) === 'ENOENT';
    if (path !== undefined || !absent) throw error;
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
