import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.js';
import { settingsDiff } from '../../src/config/settings-diff.js';

function diff(before: string, after: string): string[] {
  const [was, is] = [before, after].map((text) => parseConfig(text, 'routes.yaml', {}));
  assert.ok(was !== undefined && 'settings' in was && is !== undefined && 'settings' in is);
  return settingsDiff(was.settings.document, is.settings.document);
}

test('routes that came and went are named, and their order means nothing', () => {
  const one = '{ prefix: /one, service: a }';
  const two = '{ prefix: /two, host: shop.example, service: b }';
  assert.deepEqual(diff(`routes: [${one}, ${two}]`, `routes: [${two}, ${one}]`), []);
  assert.deepEqual(diff(`routes: [${one}]`, `routes: [${two}]`), [
    'routes[/one]: removed',
    'routes[shop.example/two]: added',
  ]);
});

test('an option that changed has its place, its old value and its new one', () => {
  const lines = diff(
    'routes: [{ prefix: /a, service: a, tryTimeout: 30s }]\nservices: { a: { balance: random } }\n',
    'routes: [{ prefix: /a, service: b, tryTimeout: 3s }]\nservices: { a: { balance: peak-ewma, maxAttempts: 2 } }\n',
  );
  assert.deepEqual(lines, [
    'routes[/a].service.service: "a" → "b"',
    'routes[/a].tryTimeout: 30000 → 3000',
    'services.a.balance: "random" → "peak-ewma"',
    'services.a.maxAttempts: 2',
  ]);
});

test('a secret that changed is not shown', () => {
  const lines = diff('adminToken: one-secret\n', 'adminToken: two-secret\n');
  assert.deepEqual(lines, ['adminToken: changed']);
  const password = (text: string): string =>
    `registry: { type: etcd, endpoints: [http://a:1], username: u, password: ${text} }\n`;
  assert.doesNotMatch(diff(password('hunter1'), password('hunter2')).join(), /hunter/);
});

test('a thousand changes are counted, not listed', () => {
  const routes = (name: string): string =>
    `routes: [${Array.from({ length: 100 }, (_, index) => `{ prefix: /${name}${index}, service: a }`).join()}]`;
  const lines = diff(routes('a'), routes('b'));
  assert.equal(lines.length, 51);
  assert.equal(lines.at(-1), 'and 150 more');
});
