import type { CommandOutline, OptionOutline, ValueOutline } from './command-outline.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that teaches the shell the commands, their flags and what follows them. */
export function completionScript(shell: Shell, commands: readonly CommandOutline[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** In single quotes, as all three shells read them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(commands: readonly CommandOutline[]): string {
  const names = commands.map(({ name }) => name);
  return `# watchgate completion for bash: source <(watchgate completion bash)
_watchgate() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command= word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    # What is run behind it completes as it would by itself.
    if [[ $word == -- ]]; then compopt -o default 2>/dev/null; return; fi
    if [[ -z $command && $word != -* ]]; then command=$word; fi
  done
  case $command in
    '') COMPREPLY=($(compgen -W ${quoted([...names, 'help', '--help', '--version'].join(' '))} -- "$current")) ;;
    help) COMPREPLY=($(compgen -W ${quoted(names.join(' '))} -- "$current")) ;;
${commands.map(bashCommand).join('\n')}
  esac
}
complete -F _watchgate watchgate
`;
}

function bashCommand({ name, options, values }: CommandOutline): string {
  const flags = options.flatMap(({ short, long }) => (short === undefined ? [long] : [short, long]));
  const words = [...flags, '--help', ...values.flatMap(({ choices }) => choices)];
  const cases = options.flatMap((option) =>
    option.value === undefined ? [] : [bashValue(option, option.value)],
  );
  return `    ${name})
      case $previous in
${cases.map((line) => `        ${line}`).join('\n')}
        *) COMPREPLY=($(compgen -W ${quoted(words.join(' '))} -- "$current")) ;;
      esac
      ;;`;
}

function bashValue({ short, long }: OptionOutline, { kind, choices }: ValueOutline): string {
  const pattern = short === undefined ? long : `${short} | ${long}`;
  const words = {
    file: 'COMPREPLY=($(compgen -f -- "$current"))',
    choice: `COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$current"))`,
    program: 'return',
    other: 'return',
  }[kind];
  return `${pattern}) ${words} ;;`;
}

function zsh(commands: readonly CommandOutline[]): string {
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef watchgate
# watchgate completion for zsh: watchgate completion zsh > "\${fpath[1]}/_watchgate"
_watchgate() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(zshCommand).join('\n')}
  esac
}
if [[ $funcstack[1] == _watchgate ]]; then _watchgate "$@"; else compdef _watchgate watchgate; fi
`;
}

function zshCommand({ name, options, values }: CommandOutline): string {
  const lines = [
    ...options.map(zshOption),
    quoted('--help[show the help]'),
    ...values.map((value, index) => {
      // A program completes as it would by itself.
      if (value.kind === 'program') return quoted(`*::${value.name}:_normal`);
      return quoted(`${index + 1}:${value.name}:${zshAction(value)}`);
    }),
  ];
  return `    ${name})\n      _arguments ${lines.join(' \\\n        ')} ;;`;
}

function zshOption({ short, long, description, value }: OptionOutline): string {
  const text = `[${description.replace(/[[\]:]/g, ' ')}]`;
  const after = value === undefined ? '' : `:${value.name}:${zshAction(value)}`;
  if (short === undefined) return quoted(`${long}${text}${after}`);
  return `{${short},${long}}${quoted(`${text}${after}`)}`;
}

function zshAction({ kind, choices }: ValueOutline): string {
  return { file: '_files', choice: `(${choices.join(' ')})`, program: '_normal', other: '' }[kind];
}

function fish(commands: readonly CommandOutline[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = commands.flatMap((command) => [
    `complete -c watchgate -n "not __fish_seen_subcommand_from ${names}" -a ${command.name} -d ${quoted(command.summary)}`,
    ...command.options.map((option) => fishOption(command.name, option)),
    ...command.values
      .filter(({ kind }) => kind === 'choice')
      .map(({ choices }) => `${seen(command.name)} -a ${quoted(choices.join(' '))}`),
  ]);
  return `# watchgate completion for fish: watchgate completion fish > ~/.config/fish/completions/watchgate.fish
complete -c watchgate -f
${lines.join('\n')}
`;
}

function seen(command: string): string {
  return `complete -c watchgate -n "__fish_seen_subcommand_from ${command}"`;
}

function fishValue({ kind, choices }: ValueOutline): string {
  return { file: ' -r -F', choice: ` -x -a ${quoted(choices.join(' '))}`, program: ' -r', other: ' -x' }[
    kind
  ];
}

function fishOption(command: string, { short, long, description, value }: OptionOutline): string {
  const after = value === undefined ? '' : fishValue(value);
  const letter = short === undefined ? '' : ` -s ${short.slice(1)}`;
  return `${seen(command)}${letter} -l ${long.slice(2)}${after} -d ${quoted(description)}`;
}
