import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEndpointFile } from '../../src/discovery/file/endpoint-file.js';
import { formatProblem } from '../../src/files/file-problem.js';

/** What is wrong with a file of this text, without its name. */
function problemsOf(text: string): string[] {
  const file = readEndpointFile(text, 'f');
  return 'problems' in file ? file.problems.map((problem) => formatProblem(problem).replace(/^f:/, '')) : [];
}

function listOf(text: string, service = 'goods') {
  const file = readEndpointFile(text, 'f');
  assert.ok('services' in file, JSON.stringify(file));
  return file.services.get(service);
}

test('an endpoint is an address, or a map that says more', () => {
  const list = listOf(`
services:
  goods:
    - 10.0.0.5:80
    - address: '[::1]:8080'
      weight: 2.5
      zone: eu-1
      metadata: { version: v2 }
      draining: true
`);
  assert.deepEqual(
    list?.map(({ address, ...rest }) => ({ address: address.text, ...rest })),
    [
      { service: 'goods', address: '10.0.0.5:80', weight: 1, zone: undefined, metadata: {}, draining: false },
      {
        service: 'goods',
        address: '[::1]:8080',
        weight: 2.5,
        zone: 'eu-1',
        metadata: { version: 'v2' },
        draining: true,
      },
    ],
  );
});

test('JSON is read as well, and anchors and merge keys are', () => {
  assert.equal(listOf('{"services": {"goods": ["10.0.0.5:80", {"address": "b:1"}]}}')?.length, 2);
  const merged = listOf(
    'services:\n  goods:\n    - &one { address: a:1, zone: z }\n    - { <<: *one, address: b:1 }\n',
  );
  assert.deepEqual(
    merged?.map(({ zone }) => zone),
    ['z', 'z'],
  );
});

test('a service without endpoints, and a file without services, are written out', () => {
  assert.deepEqual(listOf('services: { goods: [] }'), []);
  assert.equal(listOf('services: {}'), undefined);
  assert.deepEqual(problemsOf('services: {}'), []);
});

for (const [what, text, ...expected] of [
  ['an empty file', '', '1:1: wanted services: and, below it, a list for each service'],
  ['a file of comments', '# nothing\n', '1:1: wanted services: and, below it, a list for each service'],
  ['services without a value', 'services:\n', '1:10: services: wanted a map of services; {} for none'],
  [
    'a service without a list',
    'services:\n  goods:\n',
    '2:9: services.goods: wanted a list of endpoints; [] for none',
  ],
  ['a list at the top', '- a:1\n', '1:1: wanted services: and, below it, a list for each service'],
  ['broken YAML', 'services: { goods: [a:1 }\n', /^1:25: not valid YAML/, /^1:26: not valid YAML/],
  [
    'a key given twice',
    'services:\n  goods: []\n  goods: []\n',
    '3:3: this key is given twice in the same map',
  ],
  ['another key', 'services: {}\nservice: {}\n', '2:1: service: unknown key "service"; known here: services'],
  [
    'no service name',
    'services: { a/b: [] }\n',
    '1:13: services.a/b: is no service name; wanted letters, digits and ._~-',
  ],
  [
    'several mistakes, each at its place',
    'services:\n  goods:\n    - 10.0.0.5\n    - 80\n    - { address: 10.0.0.6:80, wieght: 2, weight: 0 }\n    - { weight: 1 }\n',
    '3:7: services.goods[0]: "10.0.0.5" has no :port',
    '4:7: services.goods[1]: wanted an address such as 10.0.0.5:80, or a map with address',
    '5:31: services.goods[2].wieght: unknown key "wieght"; known here: address, weight, zone, metadata, draining',
    '5:50: services.goods[2].weight: wanted a number above 0',
    '6:7: services.goods[3].address: wanted an address such as 10.0.0.5:80',
  ],
  [
    'members of the wrong kind',
    'services: { goods: [{ address: a:1, zone: 1, metadata: { a: 1 }, draining: soon }] }\n',
    '1:43: services.goods[0].zone: wanted text; quote it',
    '1:56: services.goods[0].metadata: wanted a map of texts; quote them',
    '1:76: services.goods[0].draining: wanted true or false',
  ],
  [
    'an address listed twice',
    'services: { goods: [a:1, A:1] }\n',
    '1:26: services.goods[1]: a:1 is already listed',
  ],
] as const) {
  test(`${what}: nothing is taken, and the place is told`, () => {
    const problems = problemsOf(text);
    assert.equal(problems.length, expected.length, problems.join('\n'));
    for (const [index, wanted] of expected.entries()) {
      if (typeof wanted === 'string') assert.equal(problems[index], wanted);
      else assert.match(problems[index] ?? '', wanted);
    }
  });
}
