import { Argument, Command } from 'commander';
import { outlineOf } from './command-outline.js';
import { completionScript, SHELLS, type Shell } from './completion-scripts.js';
import { remarks } from './remarks.js';

/** `watchgate completion SHELL`: `whole` is the program with every command loaded. */
export function completionCommand(whole: () => Promise<Command>): Command {
  return new Command('completion')
    .description('print a script that makes a shell complete the commands and flags of watchgate')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      remarks(
        '\nExamples:\n  source <(watchgate completion bash)' +
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
          '\n  watchgate completion zsh > "${fpath[1]}/_watchgate"' +
          '\n  watchgate completion fish > ~/.config/fish/completions/watchgate.fish',
      ),
    )
    .action(async (shell: Shell) => {
      process.stdout.write(completionScript(shell, outlineOf(await whole())));
    });
}
