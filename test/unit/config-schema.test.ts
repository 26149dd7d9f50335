import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { jsonSchema } from '../../src/config/json-schema.js';
import { loadConfigFile, parseConfig } from '../../src/config/load.js';

const projectFile = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every option of the published schema, by its path: `server.headersTimeout`, `services.*.balance`. */
function* optionsOf(schema: unknown, path = ''): Generator<{ name: string; path: string; option: Json }> {
  if (!isObject(schema)) return;
  const { properties, items, additionalProperties, oneOf } = schema;
  for (const [name, option] of Object.entries(isObject(properties) ? properties : {})) {
    const below = path === '' ? name : `${path}.${name}`;
    if (isObject(option)) yield { name, path: below, option };
    yield* optionsOf(option, below);
  }
  yield* optionsOf(items, `${path}[]`);
  yield* optionsOf(additionalProperties, `${path}.*`);
  for (const choice of Array.isArray(oneOf) ? oneOf : []) yield* optionsOf(choice, path);
}

test('the routes.yaml of the project is valid, without a warning, and names the schema on its first line', async () => {
  const result = await loadConfigFile(projectFile('routes.yaml'), {});
  assert.ok('settings' in result, JSON.stringify(result));
  assert.deepEqual(result.warnings, []);
  const [rule] = result.settings.routes;
  assert.deepEqual([rule?.id, rule?.service], ['/goods', 'goods']);
  const text = await readFile(projectFile('routes.yaml'), 'utf8');
  assert.equal(text.split('\n')[0], '# yaml-language-server: $schema=./routes.schema.json');
});

test('what routes.yaml holds in comments is valid too', async () => {
  const text = await readFile(projectFile('routes.yaml'), 'utf8');
  const commented = text.replaceAll(/^( *)# (?=( *- |[ a-z]+:))/gm, '$1');
  const result = parseConfig(commented, 'routes.yaml', {});
  assert.ok('settings' in result, JSON.stringify(result));
  assert.equal(result.settings.routes.length, 2);
  assert.equal(result.settings.registries.get('main')?.type, 'etcd');
});

test('the copy of the JSON Schema beside routes.yaml is the generated one', async () => {
  const copy = await readFile(projectFile('routes.schema.json'), 'utf8');
  const howTo = 'npx tsx src/config/write-json-schema.ts routes.schema.json && npm run format';
  assert.deepEqual(JSON.parse(copy), jsonSchema(), `out of date; run: ${howTo}`);
});

test('every option is described', () => {
  const options = [...optionsOf(jsonSchema())];
  assert.ok(options.length > 60, String(options.length));
  for (const { path, option } of options) assert.equal(typeof option['description'], 'string', path);
});

test('every option is in the documentation, with its default', async () => {
  const documentation = await readFile(projectFile('docs/configuration.md'), 'utf8');
  const rows = documentation.split('\n').filter((line) => line.startsWith('| `'));
  for (const { name, path, option } of optionsOf(jsonSchema())) {
    const own = rows.filter((row) => row.startsWith(`| \`${name}\` |`));
    assert.ok(own.length > 0, `${path} is not in a table of docs/configuration.md`);
    const value = option['default'];
    const isSaid =
      value === undefined || typeof value === 'object' || own.some((row) => row.includes(`\`${value}\``));
    assert.ok(isSaid, `the default of ${path}, ${JSON.stringify(value)}, is not in docs/configuration.md`);
  }
});

/** The texts that an option chooses from; none when it takes any. */
function choicesOf({ anyOf = [], enum: choices = [] }: Json): unknown[] {
  const below = Array.isArray(anyOf) ? anyOf.filter(isObject).flatMap(choicesOf) : [];
  return Array.isArray(choices) ? [...choices, ...below] : below;
}

test('every choice of an option is in its row of the documentation', async () => {
  const documentation = await readFile(projectFile('docs/configuration.md'), 'utf8');
  const rows = documentation.split('\n').filter((line) => line.startsWith('| `'));
  let choices = 0;
  for (const { name, path, option } of optionsOf(jsonSchema())) {
    for (const choice of choicesOf(option)) {
      choices += 1;
      const own = rows.filter((row) => row.startsWith(`| \`${name}\` |`));
      assert.ok(
        own.some((row) => row.includes(`\`${choice}\``)),
        `${path}: ${choice} is not in docs/configuration.md`,
      );
    }
  }
  assert.ok(choices > 20, String(choices));
});

test('every example of the documentation is valid', async () => {
  const documentation = await readFile(projectFile('docs/configuration.md'), 'utf8');
  const examples = [...documentation.matchAll(/```yaml\n(.*?)```/gs)].map(([, example = '']) => example);
  assert.ok(examples.length >= 4);
  for (const example of examples) {
    const result = parseConfig(example, 'example', {});
    assert.ok('settings' in result, `${JSON.stringify(result)}\n${example}`);
  }
});
