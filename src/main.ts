#!/usr/bin/env node
import { CommanderError } from 'commander';
import { outliveReaders } from './cli/gone-reader.js';
import { buildProgram } from './cli/program.js';
import { WatchgateError } from './core/errors.js';

/** As most tools have it: 1 for what went wrong, 2 for a command line that makes no sense. */
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** EX_SOFTWARE of sysexits.h: a bug in this program. */
const EXIT_BUG = 70;

async function main(args: readonly string[]): Promise<void> {
  try {
    const program = await buildProgram(args);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Says what is wrong in the user's terms; only a bug shows a stack. Returns the exit code. */
function report(error: unknown): number {
  // Commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof WatchgateError) {
    for (const line of error.message.split('\n')) process.stderr.write(`watchgate: ${line}\n`);
    return error.code === 'BAD_FLAG' ? EXIT_USAGE : EXIT_FAILED;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`watchgate: unexpected error, please report it\n${stack}\n`);
  return EXIT_BUG;
}

outliveReaders(process.stdout, process.stderr, (reason) => {
  process.stderr.write(`watchgate: ${reason}\n`);
  process.exitCode = EXIT_FAILED;
});
await main(process.argv.slice(2));
