import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { remarks } from './remarks.js';

interface CommandEntry {
  readonly name: string;
  /** Shown in the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** In the order in which `watchgate --help` lists them. */
const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'start',
    summary: 'run the gateway',
    load: async () => (await import('./start.js')).startCommand(),
  },
  {
    name: 'check',
    summary: 'validate routes.yaml',
    load: async () => (await import('./check.js')).checkCommand(),
  },
  {
    name: 'demo',
    summary: 'run a registry, three services and the gateway in one terminal',
    load: async () => (await import('./demo.js')).demoCommand(),
  },
  {
    name: 'registry',
    summary: 'run the embedded, in-memory registry alone',
    load: async () => (await import('./registry.js')).registryCommand(),
  },
  {
    name: 'register',
    summary: 'register a process, and keep it registered while it is healthy',
    load: async () => (await import('./register.js')).registerCommand(),
  },
  {
    name: 'config',
    summary: 'keep a file in step with a key of etcd, and tell a program',
    load: async () => (await import('./config.js')).configCommand(),
  },
  {
    name: 'endpoints',
    summary: 'show endpoints and their state',
    load: async () => (await import('./endpoints.js')).endpointsCommand(),
  },
  {
    name: 'top',
    summary: 'show requests, errors and latency, live',
    load: async () => (await import('./top.js')).topCommand(),
  },
  {
    name: 'explain',
    summary: 'show where a request would go, and why',
    load: async () => (await import('./explain.js')).explainCommand(),
  },
  {
    name: 'why',
    summary: 'show why a request failed, by its trace id',
    load: async () => (await import('./why.js')).whyCommand(),
  },
  {
    name: 'journal',
    summary: 'show what happened to endpoints, registries and the configuration',
    load: async () => (await import('./journal.js')).journalCommand(),
  },
  {
    name: 'probe',
    summary: 'scan a registry and print the settings to read it',
    load: async () => (await import('./probe.js')).probeCommand(),
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./completion.js')).completionCommand(wholeProgram),
  },
];

const EXAMPLES = `
Examples:
  watchgate demo
  watchgate start -c routes.yaml
  watchgate endpoints --watch
  watchgate help explain`;

/** With every command loaded, for what describes them all. */
export function wholeProgram(): Promise<Command> {
  return buildProgram(COMMANDS.map(({ name }) => name));
}

/**
 * The whole command line. Only commands that `args` names are loaded, the others are just listed:
 * loading them all would more than double the time that `watchgate start` takes to begin.
 */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('watchgate')
    .description('The front door of services that register themselves.')
    .version(packageVersion(), '-V, --version')
    // Options after a command belong to it, and what `register -- CMD` runs keeps its own.
    .enablePositionalOptions()
    .showHelpAfterError('(watchgate --help lists what there is)')
    .addHelpText('after', remarks(EXAMPLES))
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'watchgate: ')),
    });
  for (const { name, summary, load } of COMMANDS) {
    const command = args.includes(name) ? await load() : new Command(name);
    program.addCommand(command.copyInheritedSettings(program).summary(summary));
  }
  return program;
}

/** Package and sources are laid out alike: package.json is two folders up from src/cli and dist/cli. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  const known = typeof parsed === 'object' && parsed !== null && 'version' in parsed;
  return known ? String(parsed.version) : 'unknown';
}
