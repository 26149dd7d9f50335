import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { jsonSchema } from './json-schema.js';

// A build step: `node dist/config/write-json-schema.js FILE`.
const [, , file = 'routes.schema.json'] = process.argv;
await mkdir(dirname(file), { recursive: true });
await writeFile(file, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
