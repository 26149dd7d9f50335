import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { jsonSchemaText } from './json-schema.js';

const [, , file = 'routes.schema.json'] = process.argv;
await mkdir(dirname(file), { recursive: true });
await writeFile(file, jsonSchemaText());
