import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { outlineOf } from './command-outline.js';
import { manPage } from './man-page.js';
import { wholeProgram } from './program.js';

// A build step: `node --import tsx src/cli/write-man-page.ts FILE`.
const [, , file = 'man/watchgate.1'] = process.argv;
const program = await wholeProgram();
await mkdir(dirname(file), { recursive: true });
await writeFile(
  file,
  manPage({ version: program.version() ?? '', description: program.description() }, outlineOf(program)),
);
