import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { seededRandom } from '../../src/core/random.js';
import { SCHEMA_CHOICES, SCHEMA_NAMES } from '../../src/core/schema-names.js';
import { schemas } from '../../src/discovery/schemas/by-name.js';
import { readMetadata } from '../../src/discovery/schemas/read-metadata.js';
import { SchemaEntry } from '../../src/discovery/schemas/schema-entry.js';
import { reason, recognise } from '../support/recognised.js';

/** One registration of each schema, all under one prefix. */
const MIXED = {
  plain: ['/p/a/host', '10.0.0.1:80'],
  'single-key': ['/p/b', '10.0.0.2:80'],
  'grpc-naming': ['/p/c/e1', '{"Op":0,"Addr":"10.0.0.3:80","Metadata":null}'],
  kratos: [
    '/p/d/id',
    '{"id":"id","name":"d","version":"","metadata":null,"endpoints":["http://10.0.0.4:80"]}',
  ],
  kitex: ['/p/e/10.0.0.5:80', '{"network":"tcp","address":"10.0.0.5:80","weight":10,"tags":null}'],
  hertz: [
    '/p/hertz/registry-etcd/f/10.0.0.6:80',
    '{"network":"tcp","address":"10.0.0.6:80","weight":10,"tags":null}',
  ],
  'go-micro': [
    '/p/g/g-1',
    '{"name":"g","version":"1","metadata":null,"endpoints":[],"nodes":[{"id":"g-1","address":"10.0.0.7:80"}]}',
  ],
  rpcx: ['/p/h/tcp@10.0.0.8:80', 'weight=1'],
  watchgate: ['/p/i/host', '{"address":"10.0.0.9:80","zone":"a"}'],
} as const;

test('under one prefix each key is told apart', () => {
  for (const [index, [schema, [key, value]]] of Object.entries(MIXED).entries()) {
    const recognition = recognise('auto', { key, value, prefix: '/p' });
    assert.deepEqual([recognition.schema, recognition.rubbish], [schema, undefined], key);
    assert.deepEqual(
      recognition.registrations.map(({ service, address }) => [service, address.text]),
      [['abcdefghi'[index], `10.0.0.${index + 1}:80`]],
    );
  }
});

test('every schema that can be named is there under its name', () => {
  assert.deepEqual(Object.keys(schemas), [...SCHEMA_CHOICES]);
  for (const name of SCHEMA_CHOICES) assert.equal(schemas[name].name, name);
});

test('every schema is in the documentation', () => {
  const text = readFileSync(new URL('../../docs/schemas.md', import.meta.url), 'utf8');
  for (const name of SCHEMA_NAMES) assert.ok(text.includes(`\n| \`${name}\` |`), name);
});

test('what is of no known schema is told so', () => {
  const at = (value: string) => reason('auto', { key: '/p/a/b', value, prefix: '/p' });
  assert.equal(at('{"host":"10.0.0.1","port":80}'), 'the value is a JSON object of no known schema');
  assert.equal(at('{"address":"10.0.0.1:80"'), 'the value is not valid JSON');
  assert.equal(at('["10.0.0.1:80"]'), 'the value has no port from 1 to 65535 after the last colon');
  assert.equal(at(''), 'the value has no :port');
});

test('nothing of a value that is no address is repeated: it may hold a secret', () => {
  const secret = 'hunter2';
  for (const [key, value] of [
    ['/p/a/b', secret],
    ['/p/a/b', `root:${secret}:80x`],
    ['/p/a/b', `mysql://root:${secret}@10.0.0.1:3306/db`],
    ['/p/a/b', `{"address":"${secret}"}`],
    ['/p/a/b', `{"address":"a:1","weight":"${secret}"}`],
    ['/p/a/b', `{"${secret}":1}`],
    ['/p/a/b', `{"password":"${secret}"`],
    ['/p/a/b', `{"Addr":"${secret}"}`],
    ['/p/a/b', `{"network":"${secret}","address":"a:1"}`],
    ['/p/a/b', `{"network":"tcp","address":"${secret}"}`],
    ['/p/a/b', `{"name":"a","endpoints":["${secret}"]}`],
    ['/p/a/b', `{"name":"a","endpoints":["http://u:${secret}@a:1"]}`],
    ['/p/a/b', `{"name":"a/${secret}","endpoints":["http://a:1"]}`],
    ['/p/a/b', `{"nodes":[{"address":"${secret}"}]}`],
    ['/p/a/tcp@', secret],
  ] as const) {
    for (const schema of SCHEMA_CHOICES) {
      const { rubbish } = recognise(schema, { key, value, prefix: '/p' });
      assert.ok(!rubbish?.includes(secret), `${schema} repeats ${value}: ${rubbish}`);
      assert.ok((rubbish?.length ?? 0) < 200);
    }
  }
});

test('an address that is almost right is shown, as it can hold no secret', () => {
  assert.match(
    reason('auto', { key: '/p/a/b', value: '10.0.0.1:99999', prefix: '/p' }),
    /^"10.0.0.1:99999" has no port/,
  );
  assert.match(
    reason('auto', { key: '/p/a/b', value: 'deadbeefdeadbeef', prefix: '/p' }),
    /^the value has no :port/,
  );
  assert.match(
    reason('auto', { key: '/p/a/b', value: `${'1.'.repeat(99)}:1`, prefix: '/p' }),
    /^the value has no/,
  );
});

test('a value of more than 256 KiB is not looked into', () => {
  const value = JSON.stringify({ address: '10.0.0.1:80', metadata: { filler: 'x'.repeat(256 * 1024) } });
  for (const schema of SCHEMA_CHOICES) {
    assert.equal(reason(schema, { key: '/p/a/b', value, prefix: '/p' }), 'the value is larger than 256 KiB');
  }
});

test('metadata is bounded, and takes names that mean something to JavaScript for names', () => {
  const source: unknown = JSON.parse(
    '{"__proto__":"a","constructor":"b","deep":{"c":1},"none":null,"yes":true,"one":1}',
  );
  const read = readMetadata(source, { long: 'x'.repeat(2_000), ['n'.repeat(200)]: 'x' }, null, 'text', [
    'list',
  ]);
  assert.deepEqual(Object.entries(read), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
    ['yes', 'true'],
    ['one', '1'],
  ]);
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`m${index}`, 'x']));
  assert.equal(Object.keys(readMetadata(many)).length, 64);
});

test('no schema throws at anything', () => {
  const random = seededRandom(3);
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];
  const texts = Object.values(MIXED).flat();
  const odd = [
    '',
    '/',
    '//',
    '@',
    '{',
    '}',
    '"',
    ':',
    '%',
    '\0',
    '\ud800',
    'null',
    '[]',
    '1e999',
    '{"a":',
    '🦉',
  ];
  for (let round = 0; round < 20_000; round += 1) {
    const [key, value, prefix] = [0, 1, 2].map(() => {
      const text = pick(texts) ?? '';
      const at = Math.floor(random() * text.length);
      return text.slice(0, at) + pick(odd) + text.slice(at + Math.floor(random() * 4));
    });
    const schema = schemas[pick(SCHEMA_NAMES) ?? 'plain'];
    for (const each of [schema, schemas.auto]) {
      const entry = new SchemaEntry(key ?? '', value ?? '', prefix ?? '');
      const { registrations, rubbish } = each.recognise(entry);
      assert.ok(Array.isArray(registrations) && rubbish !== '');
    }
  }
});

test('JSON of surprising types is rubbish and no crash', () => {
  const odd = [null, true, 0, '', 'x', [], {}, [null], [[]], [{}], { a: {} }];
  const members = [
    'Addr',
    'Op',
    'Metadata',
    'nodes',
    'endpoints',
    'name',
    'address',
    'network',
    'weight',
    'tags',
    'metadata',
  ];
  for (const member of members) {
    for (const other of members) {
      for (const value of odd) {
        const text = JSON.stringify({ [member]: value, [other]: 'x', address: value });
        for (const schema of SCHEMA_CHOICES) {
          assert.deepEqual(
            recognise(schema, { key: '/p/a/b', value: text, prefix: '/p' }).registrations,
            [],
            text,
          );
        }
      }
    }
  }
});
