import { Command } from 'commander';
import { type ConfigResult, loadConfig } from '../config/load.js';
import { WatchgateError } from '../core/errors.js';
import { formatProblem } from '../files/file-problem.js';
import { openOrigin } from './config-origin.js';
import { remarks } from './remarks.js';

interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
}

/** `watchgate check`: exit 0 with one line, or 1 with every error as `file:line:column: message`. */
export function checkCommand(): Command {
  return new Command('check')
    .description('validate routes.yaml: exit 0, or 1 with file:line:column: message for every error')
    .option('-c, --config <file>', 'the file to check, or etcd://host:port[,host:port…]/key', 'routes.yaml')
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      remarks(
        '\nExamples:\n  watchgate check -c routes.yaml\n  watchgate check -c etcd://10.0.0.2:2379/watchgate/routes --json',
      ),
    )
    .action(async (options: CheckOptions) => {
      try {
        await check(options);
      } catch (error) {
        if (!(error instanceof WatchgateError)) throw error;
        process.stderr.write(`watchgate: ${error.message}\n`);
        process.exitCode = 1;
      }
    });
}

/** An answer that takes longer is none: the check is part of somebody's pipeline. */
const PATIENCE_MS = 5_000;

async function check({ config, json = false }: CheckOptions): Promise<void> {
  const { origin, close } = await openOrigin(config, AbortSignal.timeout(PATIENCE_MS));
  try {
    report(await loadConfig(origin, process.env), origin.name, json);
  } finally {
    await close();
  }
}

function report(result: ConfigResult, name: string, json: boolean): void {
  const errors = 'errors' in result ? result.errors : [];
  const warnings = 'errors' in result ? [] : result.warnings;
  if (errors.length > 0) process.exitCode = 1;
  if (json) {
    process.stdout.write(`${JSON.stringify({ file: name, valid: errors.length === 0, errors, warnings })}\n`);
    return;
  }
  for (const problem of errors) process.stderr.write(`${formatProblem(problem)}\n`);
  for (const problem of warnings)
    process.stderr.write(`${formatProblem({ ...problem, message: `warning: ${problem.message}` })}\n`);
  if ('settings' in result)
    process.stdout.write(
      `${name} is valid: ${summary(result.settings.routes.length, result.settings.registries.size)}\n`,
    );
}

function summary(routes: number, registries: number): string {
  return `${routes} ${routes === 1 ? 'route' : 'routes'}, ${registries} ${registries === 1 ? 'registry' : 'registries'}`;
}
