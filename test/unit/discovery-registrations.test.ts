import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressPolicy } from '../../src/discovery/address-policy.js';
import { Registrations } from '../../src/discovery/registrations.js';
import { goMicroSchema } from '../../src/discovery/schemas/go-micro.js';
import { plainSchema } from '../../src/discovery/schemas/plain.js';
import { ManualClock } from '../support/manual-clock.js';

const PREFIX = '/services';

function setUp(): {
  clock: ManualClock;
  registrations: Registrations;
  put: (key: string, value: string) => void;
} {
  const clock = new ManualClock();
  const policy = createAddressPolicy();
  const registrations = new Registrations({ schema: plainSchema, prefix: PREFIX, policy, clock });
  let revision = 0n;
  const put = (key: string, value: string): void => {
    revision += 1n;
    registrations.put({ key: `${PREFIX}/${key}`, value, revision, lease: '' });
  };
  return { clock, registrations, put };
}

test('an address under two keys is one endpoint while either lives', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  put('goods/b', '10.0.0.1:80');
  const [endpoint] = registrations.build().services.get('goods')?.endpoints ?? [];
  assert.deepEqual(endpoint?.keys, ['/services/goods/a', '/services/goods/b']);
  registrations.delete('/services/goods/a');
  assert.deepEqual(registrations.build().services.get('goods')?.endpoints[0]?.keys, ['/services/goods/b']);
  registrations.delete('/services/goods/b');
  assert.equal(registrations.build().services.has('goods'), false);
});

test('a delete, which names only a key, takes away the endpoint that the key had named', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  put('goods/b', '10.0.0.2:80');
  registrations.build();
  registrations.delete('/services/goods/a');
  const addresses = registrations
    .build()
    .services.get('goods')
    ?.endpoints.map(({ address }) => address);
  assert.deepEqual(addresses, ['10.0.0.2:80']);
});

test('a key that moves to another address leaves nothing at the old one', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  put('goods/a', '10.0.0.2:80');
  const addresses = registrations
    .build()
    .services.get('goods')
    ?.endpoints.map(({ address }) => address);
  assert.deepEqual(addresses, ['10.0.0.2:80']);
});

test('a value that names an address twice is one key behind it', () => {
  const registrations = new Registrations({
    schema: goMicroSchema,
    prefix: PREFIX,
    policy: createAddressPolicy(),
    clock: new ManualClock(),
  });
  const key = `${PREFIX}/goods/a`;
  const nodes = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.1:80'].map((address) => ({ address }));
  registrations.put({ key, value: JSON.stringify({ name: 'goods', nodes }), revision: 1n, lease: '' });
  const endpoints = registrations.build().services.get('goods')?.endpoints ?? [];
  assert.deepEqual(
    endpoints.map(({ keys }) => keys),
    [[key], [key]],
  );
  registrations.delete(key);
  assert.equal(registrations.build().services.has('goods'), false);
});

test('of two keys that disagree about an address, the newer one speaks', () => {
  const { registrations, put } = setUp();
  put('goods/a', '{"address":"10.0.0.1:80","weight":2}');
  put('goods/b', '{"address":"10.0.0.1:80","draining":true}');
  const [endpoint] = registrations.build().services.get('goods')?.endpoints ?? [];
  assert.equal(endpoint?.standing, 'draining');
  assert.equal(endpoint?.weight, 1);
  assert.equal(endpoint?.revision, '2');
});

test('services and endpoints that did not change keep their objects', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  put('goods/b', '10.0.0.2:80');
  put('users/a', '10.0.0.3:80');
  const before = registrations.build().services;
  put('goods/c', '10.0.0.4:80');
  const { services, changed } = registrations.build();
  assert.deepEqual([...changed], ['goods']);
  assert.equal(services.get('users'), before.get('users'));
  assert.notEqual(services.get('goods'), before.get('goods'));
  assert.equal(services.get('goods')?.endpoints[0], before.get('goods')?.endpoints[0]);
  assert.equal(before.get('goods')?.endpoints.length, 2, 'the old snapshot is as it was');
});

test('what comes and goes between two builds changes nothing', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  const before = registrations.build();
  put('goods/b', '10.0.0.2:80');
  registrations.delete('/services/goods/b');
  put('users/a', '10.0.0.3:80');
  registrations.delete('/services/users/a');
  const after = registrations.build();
  assert.equal(after.changed.size, 0);
  assert.equal(after.services, before.services);
});

test('an endpoint keeps the moment at which it was first seen through changes of its value', async () => {
  const { clock, registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  const first = registrations.build().services.get('goods')?.endpoints[0]?.since;
  await clock.advance(5_000);
  put('goods/a', '{"address":"10.0.0.1:80","weight":5}');
  const second = registrations.build().services.get('goods')?.endpoints[0];
  assert.equal(second?.weight, 5);
  assert.equal(second?.since, first);
});

test('rubbish is skipped, counted and shown, and fails nothing else', () => {
  const { registrations, put } = setUp();
  put('goods/a', 'not an address');
  put('goods/b', '10.0.0.1:80');
  put('goods/c', '169.254.169.254:80');
  put('lonely', '10.0.0.2:80');
  assert.equal(registrations.build().services.get('goods')?.endpoints.length, 1);
  assert.deepEqual(registrations.invalidValues(10), [
    { key: '/services/goods/a', reason: 'the value has no :port' },
    { key: '/services/goods/c', reason: '169.254.169.254 is outside the allowed addresses' },
    { key: '/services/lonely', reason: 'the key names no host below the service' },
  ]);
  assert.equal(registrations.invalidValues(2).length, 2);
});

test('a value that becomes rubbish takes its endpoint away, and a good one brings it back', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  put('goods/a', '10.0.0.1:99999');
  assert.equal(registrations.build().services.has('goods'), false);
  put('goods/a', '10.0.0.1:80');
  assert.equal(registrations.build().services.get('goods')?.endpoints.length, 1);
  assert.deepEqual(registrations.invalidValues(10), []);
});

test('a value that becomes rubbish is news once, until its reason is another or it was good in between', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  assert.deepEqual(registrations.takeInvalidNews(), []);
  put('goods/a', 'rubbish');
  put('goods/a', 'more rubbish');
  assert.deepEqual(registrations.takeInvalidNews(), ['/services/goods/a: the value has no :port']);
  assert.deepEqual(registrations.takeInvalidNews(), []);
  put('goods/a', '169.254.169.254:80');
  put('goods/a', '10.0.0.1:80');
  put('goods/a', 'rubbish');
  assert.deepEqual(registrations.takeInvalidNews(), [
    '/services/goods/a: 169.254.169.254 is outside the allowed addresses',
    '/services/goods/a: the value has no :port',
  ]);
});

test('much rubbish at once is named in part, and the rest is counted', () => {
  const { registrations, put } = setUp();
  for (let index = 0; index < 25; index += 1) put(`goods/${index}`, 'rubbish');
  const news = registrations.takeInvalidNews();
  assert.deepEqual([news.length, news.at(-1)], [11, 'and 15 more']);
});

test('who left because of rubbish left with its reason', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  put('goods/b', '10.0.0.2:80');
  registrations.build();
  put('goods/a', 'rubbish');
  registrations.delete('/services/goods/b', 9n);
  const departures = [...registrations.build().departures].map(([{ address }, { rubbish }]) => [
    address,
    rubbish,
  ]);
  assert.deepEqual(departures, [
    ['10.0.0.1:80', 'the value has no :port'],
    ['10.0.0.2:80', undefined],
  ]);
});

test('counts follow the sets', () => {
  const { registrations, put } = setUp();
  put('goods/a', '10.0.0.1:80');
  put('goods/b', '10.0.0.2:80');
  put('users/a', '10.0.0.3:80');
  registrations.build();
  assert.deepEqual([registrations.serviceCount, registrations.endpointCount], [2, 3]);
  registrations.delete('/services/users/a');
  registrations.build();
  assert.deepEqual([registrations.serviceCount, registrations.endpointCount], [1, 2]);
});
