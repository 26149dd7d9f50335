import type { Argument, Command, Option } from 'commander';

/** An option as completion and the manual need it. */
export interface OptionOutline {
  /** As in `--help`: `-c, --config <file>`. */
  readonly flags: string;
  /** `-c`; undefined when there is none. */
  readonly short: string | undefined;
  /** `--config` */
  readonly long: string;
  /** Without its default. */
  readonly description: string;
  readonly defaultText: string | undefined;
  readonly value: ValueOutline | undefined;
}

/** What follows an option, or is an argument. */
export interface ValueOutline {
  /** As in `--help`, without brackets: `file`. */
  readonly name: string;
  /** `program`: another one with its own arguments. */
  readonly kind: 'file' | 'choice' | 'program' | 'other';
  readonly choices: readonly string[];
}

export interface CommandOutline {
  readonly name: string;
  /** One line, for lists. */
  readonly summary: string;
  readonly description: string;
  /** `[service]`, `<method> <url>` */
  readonly usage: string;
  readonly values: readonly ValueOutline[];
  readonly options: readonly OptionOutline[];
  /** What `--help` says after the options: remarks and examples. */
  readonly after: string;
}

/** What completion and the manual say of each command, read from the commands themselves. */
export function outlineOf(program: Command): CommandOutline[] {
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    description: command.description(),
    usage: command.registeredArguments.map(argumentUsage).join(' '),
    values: command.registeredArguments.map(argumentOutline),
    options: command.options.map(optionOutline),
    after: afterOptions(command),
  }));
}

function argumentUsage(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${name}>` : `[${name}]`;
}

function argumentOutline(argument: Argument): ValueOutline {
  const value = describeValue(argument.name(), argument.argChoices);
  return argument.variadic ? { ...value, kind: 'program' } : value;
}

function optionOutline(option: Option): OptionOutline {
  const { flags, short, description, defaultValue, defaultValueDescription } = option;
  const [, name] = /[<[]([^>\]]+)[>\]]/.exec(flags) ?? [];
  const none = defaultValue === undefined || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return {
    flags,
    short,
    long: option.long ?? flags,
    description,
    defaultText: none ? undefined : (defaultValueDescription ?? String(defaultValue)),
    value: name === undefined ? undefined : describeValue(name, option.argChoices),
  };
}

function describeValue(name: string, choices: readonly string[] | undefined): ValueOutline {
  const kind = choices !== undefined ? 'choice' : /file|folder|path/.test(name) ? 'file' : 'other';
  return { name, kind, choices: choices ?? [] };
}

/** Commander keeps it in listeners only, so the whole help is printed and what comes before is taken away. */
function afterOptions(command: Command): string {
  let text = '';
  const before = command.configureOutput();
  command.configureOutput({
    writeOut: (piece) => {
      text += piece;
    },
  });
  command.outputHelp();
  command.configureOutput(before);
  return text.slice(command.helpInformation().length).trim();
}
