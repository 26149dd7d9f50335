import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program of that file name in docs/registering.md. */
export function registeringSnippet(file: string): string {
  const page = readFileSync(fileURLToPath(new URL('../../docs/registering.md', import.meta.url)), 'utf8');
  const block = [...page.matchAll(/^```\w+ (\S+)\n(.*?)^```/gms)].find(([, name]) => name === file);
  if (block?.[2] === undefined) throw new Error(`docs/registering.md has no ${file}`);
  return block[2];
}
