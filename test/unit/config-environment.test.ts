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
