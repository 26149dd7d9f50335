import type { AddHelpTextContext } from 'commander';
import { filled } from './wrapped.js';

/** What commander itself takes where there is no terminal. */
const USUAL_WIDTH = 80;

/** Remarks and examples after the options of a help, for `addHelpText`: as wide as what commander writes above them. */
export function remarks(text: string): (context: AddHelpTextContext) => string {
  return ({ command }) => filled(text, command.configureOutput().getOutHelpWidth?.() ?? USUAL_WIDTH);
}
