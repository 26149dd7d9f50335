import type { CommandOutline, OptionOutline } from './command-outline.js';

/** What the manual says beside the commands. */
export interface ManPageFacts {
  readonly version: string;
  readonly description: string;
}

/** A page for section 1, in the macros of man(7), which every man program reads. */
export function manPage({ version, description }: ManPageFacts, commands: readonly CommandOutline[]): string {
  return [
    '.\\" Made by src/cli/write-man-page.ts from the commands themselves.',
    // Without a date: the page must not change unless a command does.
    `.TH WATCHGATE 1 "" ${argument(`watchgate ${version}`)} ${argument('User Commands')}`,
    '.SH NAME',
    `watchgate \\- ${roff(description)}`,
    '.SH SYNOPSIS',
    '.B watchgate',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    ...paragraph(
      'Watchgate is an HTTP API gateway that watches a service registry (etcd, Consul, DNS, files) and sends each request to an endpoint that is registered there. This program is the gateway, the registrar and the tools of whoever runs them.',
    ),
    '.SH COMMANDS',
    ...commands.flatMap(commandSection),
    '.SH EXIT STATUS',
    ...item('0', 'done'),
    ...item('1', 'it went wrong; one line on standard error says what'),
    ...item('2', 'the command line makes no sense'),
    ...item('70', 'a bug; please report what it prints'),
    '.SH ENVIRONMENT',
    ...item('WATCHGATE_ADMIN_TOKEN', "the gateway's adminToken, for the commands that ask one"),
    ...item('WATCHGATE_REGISTRY', 'registry of the commands that read or write one'),
    ...item('NO_COLOR', 'when it is not empty, nothing is coloured'),
    '.SH FILES',
    ...item('routes.yaml', 'routes, services and registries; docs/configuration.md has every option'),
    '',
  ].join('\n');
}

function commandSection({ name, usage, description, options, after }: CommandOutline): string[] {
  const synopsis = [name, ...(options.length > 0 ? ['[options]'] : []), usage].filter(Boolean).join(' ');
  return [
    `.SS ${argument(`watchgate ${synopsis}`)}`,
    ...paragraph(sentence(description)),
    ...options.flatMap(optionItem),
    ...after.split(/\n(?=\n|Examples?:)/).flatMap(remark),
  ];
}

/** Indented lines are to be typed, and stay as they are; others are text. */
function remark(text: string): string[] {
  const lines = text.split('\n').filter((one) => one !== '');
  const prose = lines.filter((one) => !one.startsWith(' '));
  const typed = lines.filter((one) => one.startsWith(' '));
  return [
    ...(prose.length > 0 ? paragraph(prose.join(' ')) : []),
    ...(typed.length > 0 ? ['.PP', '.nf', ...typed.map(line), '.fi'] : []),
  ];
}

function optionItem({ flags, description, defaultText }: OptionOutline): string[] {
  return item(flags, defaultText === undefined ? description : `${description} (default: ${defaultText})`);
}

function item(term: string, text: string): string[] {
  return ['.TP', `.B ${roff(term)}`, line(sentence(text))];
}

function paragraph(text: string): string[] {
  return ['.PP', line(text)];
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!)]$/.test(begun) ? begun : `${begun}.`;
}

/** A line that begins with a dot or a quote would be taken for a request. */
function line(text: string): string {
  const escaped = roff(text);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** groff_char(7): a bare `-` may become a hyphen that nobody can paste, and quotes become typographic. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('…', '...')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replace(
      /[^\x20-\x7e]/gu,
      (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}

function argument(text: string): string {
  return `"${roff(text).replaceAll('"', '\\(dq')}"`;
}
