// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the texts under test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { substitute } from '../../src/config/environment.js';
import { parseConfig } from '../../src/config/load.js';

const environment = { NAME: 'value', EMPTY: '', SLY: '${NAME}', YAML: '"]\nlisten: evil', PORT: '81' };

function replaced(text: string): string | undefined {
  const result = substitute(text, environment);
  return 'text' in result ? result.text : undefined;
}

test('a reference becomes what the variable holds, anywhere in the value', () => {
  assert.equal(replaced('${NAME}'), 'value');
  assert.equal(replaced('a-${NAME}-${NAME}.b'), 'a-value-value.b');
  assert.equal(replaced('no $reference {here}'), 'no $reference {here}');
});

test('the default stands in for a variable that is not set or empty', () => {
  assert.equal(replaced('${NOPE:-http://a:1}'), 'http://a:1');
  assert.equal(replaced('${EMPTY:-x}'), 'x');
  assert.equal(replaced('${NOPE:-}'), '');
  assert.equal(replaced('${NAME:-x}'), 'value');
});

test('a variable that is set but empty is empty', () => {
  assert.equal(replaced('<${EMPTY}>'), '<>');
});

test('what a variable holds is not looked at again, and $${ is a literal ${', () => {
  assert.equal(replaced('${SLY}'), '${NAME}');
  assert.equal(replaced('$${NAME}'), '${NAME}');
});

test('a variable that is not set, and a reference of another form, are refused', () => {
  assert.match(JSON.stringify(substitute('${NOPE}', environment)), /variable NOPE is not set/);
  for (const text of ['${', '${NAME', '${}', '${NAME-x}', '${NA ME}', '${1}']) {
    assert.equal(replaced(text), undefined, text);
  }
});

test('a credential of a registry that is nothing but a variable which is not set is none', () => {
  const credentials = (text: string): unknown => {
    const result = parseConfig(text, 'routes.yaml', { USER: 'gateway' });
    if ('errors' in result) return result.errors.map(({ message }) => message);
    return [...result.settings.registries.values()].map((registry) => [
      'username' in registry ? registry.username : undefined,
      'password' in registry ? registry.password : undefined,
      'token' in registry ? registry.token : undefined,
    ]);
  };
  const etcd = (user: string, password: string): string =>
    `{ type: etcd, endpoints: [a:1], username: "${user}", password: "${password}" }`;
  assert.deepEqual(credentials(`registry: ${etcd('${NOPE}', '${NOPE}')}\n`), [
    [undefined, undefined, undefined],
  ]);
  assert.deepEqual(
    credentials(
      `registries: { main: ${etcd('${NOPE}', '${NOPE}')}, dc2: { type: consul, endpoints: [a:1], token: "\${NOPE}" } }\n`,
    ),
    [
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
    ],
  );
  assert.deepEqual(credentials(`registry: ${etcd('${USER}', '${NOPE}')}\n`), [
    'registry.username: needs a password beside it',
  ]);
});

test('a variable that is not set is an error everywhere else', () => {
  for (const text of [
    'adminToken: ${NOPE}\n',
    'registry: { type: etcd, endpoints: [a:1], username: "x${NOPE}", password: p }\n',
    'registry: { type: etcd, endpoints: [a:1], prefix: "${NOPE}" }\n',
    'registry: { type: etcd, endpoints: ["${NOPE}"] }\n',
    'registry: { type: etcd, endpoints: [a:1], tls: { username: "${NOPE}" } }\n',
    'username: ${NOPE}\n',
    'registries: { token: "${NOPE}" }\n',
  ]) {
    const result = parseConfig(text, 'routes.yaml', {});
    assert.match(JSON.stringify('errors' in result && result.errors), /variable NOPE is not set/, text);
  }
});

test('a variable stays one value, whatever YAML it holds', () => {
  const result = parseConfig('adminToken: ${YAML}\n', 'routes.yaml', environment);
  assert.ok('settings' in result);
  assert.equal(result.settings.adminToken, environment.YAML);
  assert.equal(result.settings.listen.port, 8080);
});

test('numbers, truth values, durations and lists of members can come from a variable', () => {
  const text = `autoRoutes: \${AUTO:-true}
defaults: { maxAttempts: "\${TRIES:-2}", tryTimeout: "\${TRY:-3s}" }
listen: 127.0.0.1:\${PORT}
registry: { type: etcd, endpoints: "\${MEMBERS:-a:1, http://b:2}" }
`;
  const result = parseConfig(text, 'routes.yaml', environment);
  assert.ok('settings' in result, JSON.stringify(result));
  const { settings } = result;
  const policy = settings.requestPolicy({ service: 'goods', registry: 'main' });
  assert.equal(settings.autoRoutes, true);
  assert.equal(settings.listen.port, 81);
  assert.deepEqual([policy.maxAttempts, policy.tryTimeout], [2, 3000]);
  assert.deepEqual(settings.registries.get('main'), {
    type: 'etcd',
    endpoints: ['http://a:1', 'http://b:2'],
    prefix: '/service_registry_discovery',
    schema: 'auto',
    username: undefined,
    password: undefined,
    tls: undefined,
  });
});
