import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routingSettings } from '../../src/composition/routing.js';
import { parseConfig } from '../../src/config/load.js';
import type { ServiceRef } from '../../src/core/route.js';
import type { RoutingSettings } from '../../src/proxy/data-path.js';

function routingOf(yaml: string, registered: readonly ServiceRef[] = []): RoutingSettings {
  const config = parseConfig(yaml, 'routes.yaml', {});
  assert.ok('settings' in config, JSON.stringify(config));
  return routingSettings(config.settings, registered);
}

/** Each rule as `host/prefix → service@registry`. */
function rulesOf(routing: RoutingSettings): string[] {
  return routing.rules.map(
    ({ host, prefix, service, registry }) => `${host ?? ''}${prefix} → ${service}@${registry}`,
  );
}

const GOODS = { service: 'goods', registry: 'main' };
const USERS = { service: 'users', registry: 'main' };
const GOODS_DC2 = { service: 'goods', registry: 'dc2' };

const SHOP = 'routes:\n  - { prefix: /shop, service: goods }\n';

test('without autoRoutes only the configured routes are served', () => {
  assert.deepEqual(rulesOf(routingOf(SHOP, [GOODS, USERS])), ['/shop → goods@main']);
});

test('with autoRoutes every registered service is served at its name too', () => {
  assert.deepEqual(rulesOf(routingOf(`autoRoutes: true\n${SHOP}`, [GOODS, USERS])), [
    '/shop → goods@main',
    '/goods → goods@main',
    '/users → users@main',
  ]);
});

test('autoRoutes without a registered service adds nothing', () => {
  assert.deepEqual(rulesOf(routingOf('autoRoutes: true')), []);
});

test('a configured route goes before an automatic one with the same prefix', () => {
  const yaml = 'autoRoutes: true\nroutes:\n  - { prefix: /goods, service: users }\n';
  assert.deepEqual(rulesOf(routingOf(yaml, [GOODS])), ['/goods → users@main']);
});

test('but one for a single host leaves the prefix to the automatic one on all others', () => {
  const yaml = 'autoRoutes: true\nroutes:\n  - { prefix: /goods, host: a.example, service: users }\n';
  assert.deepEqual(rulesOf(routingOf(yaml, [GOODS])), [
    'a.example/goods → users@main',
    '/goods → goods@main',
  ]);
});

test('of two registries with the same service the first one named is served', () => {
  assert.deepEqual(rulesOf(routingOf('autoRoutes: true', [GOODS, GOODS_DC2])), ['/goods → goods@main']);
  assert.deepEqual(rulesOf(routingOf('autoRoutes: true', [GOODS_DC2, GOODS])), ['/goods → goods@dc2']);
});

test('a name that is no path segment is not served', () => {
  const odd = ['a b', 'a/b', '..', '.', '', 'a?b', 'a%2fb', 'é'].map((service) => ({
    service,
    registry: 'main',
  }));
  assert.deepEqual(rulesOf(routingOf('autoRoutes: true', [...odd, GOODS])), ['/goods → goods@main']);
});

test('an automatic route forwards the path as it is, under the policy of its service', () => {
  const yaml = [
    'autoRoutes: true',
    'defaults: { maxAttempts: 2, tryTimeout: 7s }',
    'services:',
    '  goods: { maxAttempts: 5, balance: random }',
    '',
  ].join('\n');
  const routing = routingOf(yaml, [GOODS, USERS]);
  const [goods, users] = routing.rules;
  assert.deepEqual([goods?.id, goods?.host, goods?.replacePrefix], ['/goods', undefined, undefined]);
  assert.deepEqual([goods?.policy.maxAttempts, goods?.policy.tryTimeout], [5, 7000]);
  assert.deepEqual([users?.policy.maxAttempts, users?.policy.tryTimeout], [2, 7000]);
  assert.equal(routing.policyOf(GOODS).balance, 'random');
  assert.equal(routing.policyOf(USERS).balance, 'least-loaded');
});

test('trusted proxies come from the same file, and so from the same generation', () => {
  assert.deepEqual(routingOf('trustedProxies: [10.0.0.0/8]').trustedProxies, ['10.0.0.0/8']);
});
