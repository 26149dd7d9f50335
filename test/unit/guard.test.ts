import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointAt, endpoints, GuardRig } from '../support/guarded-source.js';
import { settle } from '../support/manual-clock.js';

/** A registry that lists ten endpoints of goods, and has been listed. */
async function rigOf(count = 10, over: ConstructorParameters<typeof GuardRig>[0] = {}): Promise<GuardRig> {
  const rig = new GuardRig(over);
  rig.directory.start();
  rig.list({ goods: endpoints(count) });
  await settle();
  rig.announced();
  return rig;
}

const leased = (count: number) => endpoints(count).map((endpoint, i) => ({ ...endpoint, lease: `${i + 1}` }));

test('an emptied registry keeps the endpoints that answer, and lets go of the others', async () => {
  const rig = await rigOf(3);
  rig.dead.add('10.0.0.2:80');
  rig.list({}, {}, true);
  assert.deepEqual(
    rig.inUse(),
    ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'],
    'not for a moment is it empty',
  );
  await settle();
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*', '10.0.0.3:80*']);
  assert.deepEqual(rig.announced(), [
    'changed 10.0.0.1:80 held: lost the last of the service',
    'changed 10.0.0.3:80 held: lost the last of the service',
    'left 10.0.0.2:80 released: a probe failed',
  ]);
  const [first] = rig.directory.get({ service: 'goods', registry: 'main' }).endpoints;
  assert.deepEqual(first?.held, { reason: 'lost the last of the service', since: rig.clock.now() });
  await rig.directory.close();
});

test('a held endpoint is released within a second of its death', async () => {
  const rig = await rigOf(2);
  rig.list({});
  await settle();
  rig.announced();
  rig.dead.add('10.0.0.1:80');
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.inUse(), ['10.0.0.2:80*']);
  assert.deepEqual(rig.announced(), ['left 10.0.0.1:80 released: a probe failed']);
  await rig.directory.close();
});

test('a held endpoint is released at once by a request that cannot connect', async () => {
  const rig = await rigOf(2);
  rig.list({});
  await settle();
  rig.announced();
  rig.directory.reportDead({ service: 'goods', registry: 'main' }, '10.0.0.1:80');
  await settle();
  assert.deepEqual(rig.inUse(), ['10.0.0.2:80*']);
  assert.deepEqual(rig.announced(), ['left 10.0.0.1:80 released: a request could not connect']);
  await rig.directory.close();
});

test('a request that cannot connect says nothing against an endpoint that is listed', async () => {
  const rig = await rigOf(2);
  rig.directory.reportDead({ service: 'goods', registry: 'main' }, '10.0.0.1:80');
  await settle();
  assert.equal(rig.inUse().length, 2);
  await rig.directory.close();
});

test('no endpoint is held for longer than staleTtl', async () => {
  const rig = await rigOf(2, { staleTtl: 5_000 });
  rig.list({});
  await rig.clock.advance(4_999);
  assert.equal(rig.inUse().length, 2);
  rig.announced();
  await rig.clock.advance(1);
  assert.deepEqual(rig.inUse(), []);
  assert.deepEqual(rig.announced(), [
    'left 10.0.0.1:80 released: held long enough',
    'left 10.0.0.2:80 released: held long enough',
  ]);
  await rig.directory.close();
  assert.equal(rig.clock.pending, 0);
});

test('a staleTtl of 0 believes every loss at once', async () => {
  const rig = await rigOf(3, { staleTtl: 0 });
  rig.list({});
  assert.deepEqual(rig.inUse(), []);
  assert.deepEqual(rig.probes, []);
  assert.deepEqual(rig.announced(), [
    'left 10.0.0.1:80 removed',
    'left 10.0.0.2:80 removed',
    'left 10.0.0.3:80 removed',
  ]);
  await rig.directory.close();
});

test('an endpoint that is listed again is listed again, and no more', async () => {
  const rig = await rigOf(2);
  rig.list({});
  await settle();
  rig.announced();
  const again = endpointAt(1, { revision: '9' });
  rig.list({ goods: [again] });
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80', '10.0.0.2:80*']);
  assert.equal(rig.directory.get({ service: 'goods', registry: 'main' }).endpoints[0], again);
  assert.deepEqual(rig.announced(), ['changed 10.0.0.1:80 registered']);
  rig.dead.add('10.0.0.1:80');
  await rig.clock.advance(120_000);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80'], 'neither probes nor time concern it now');
  await rig.directory.close();
});

test('an endpoint that is listed again while it is asked about never changed at all', async () => {
  const rig = await rigOf(2);
  rig.list({});
  rig.list({ goods: endpoints(2) });
  await settle();
  assert.deepEqual(rig.announced(), []);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80', '10.0.0.2:80']);
  await rig.directory.close();
});

test('a small loss is believed at once and probes nobody', async () => {
  const rig = await rigOf(10);
  rig.list({ goods: endpoints(10).slice(3) });
  assert.equal(rig.inUse().length, 7);
  assert.deepEqual(rig.probes, []);
  assert.equal(rig.announced().filter((line) => line.endsWith('removed')).length, 3);
  await rig.directory.close();
});

test('losses within two seconds count together, and those already let go come back if they answer', async () => {
  const rig = await rigOf(10);
  rig.dead.add('10.0.0.2:80');
  rig.list({ goods: endpoints(10).slice(2) });
  assert.equal(rig.inUse().length, 8);
  await rig.clock.advance(1_900);
  rig.announced();
  rig.list({ goods: endpoints(10).slice(4) });
  assert.equal(rig.inUse().length, 8, 'who was let go is not used before it has passed');
  await settle();
  const held = rig.inUse().filter((address) => address.endsWith('*'));
  assert.deepEqual(held, ['10.0.0.1:80*', '10.0.0.3:80*', '10.0.0.4:80*']);
  assert.deepEqual(rig.announced(), [
    'joined 10.0.0.1:80 held: lost much of the registry',
    'changed 10.0.0.3:80 held: lost much of the registry',
    'changed 10.0.0.4:80 held: lost much of the registry',
  ]);
  await rig.directory.close();
});

test('losses more than two seconds apart are separate', async () => {
  const rig = await rigOf(10);
  rig.list({ goods: endpoints(10).slice(2) });
  await rig.clock.advance(2_000);
  rig.list({ goods: endpoints(10).slice(4) });
  assert.equal(rig.inUse().length, 6);
  assert.deepEqual(rig.probes, []);
  await rig.directory.close();
});

test('an endpoint that came back within the two seconds was no loss', async () => {
  const rig = await rigOf(10);
  rig.list({ goods: endpoints(10).slice(3) });
  rig.list({ goods: endpoints(10) });
  rig.list({ goods: endpoints(10).slice(0, 7) });
  assert.equal(rig.inUse().length, 7);
  assert.deepEqual(rig.probes, []);
  await rig.directory.close();
});

test('the guard doubts everything while the view is unconfirmed', async () => {
  const rig = await rigOf(10);
  rig.confirmedMsAgo = 10_000;
  rig.list({ goods: endpoints(10).slice(1) });
  await settle();
  assert.ok(rig.inUse().includes('10.0.0.1:80*'));
  assert.deepEqual(rig.announced(), ['changed 10.0.0.1:80 held: registry unconfirmed']);
  await rig.directory.close();
});

test('so it does what the first list after that lacks', async () => {
  const rig = await rigOf(10);
  rig.list({ goods: endpoints(10).slice(1) }, {}, true, 10_000);
  await settle();
  assert.deepEqual(rig.announced(), ['changed 10.0.0.1:80 held: registry unconfirmed']);
  rig.list({ goods: endpoints(10).slice(2) }, {}, true, 9_999);
  assert.deepEqual(rig.announced(), ['left 10.0.0.2:80 relisted']);
  await rig.directory.close();
});

test('scaling down as one should is neither delayed nor announced as anything else', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  const [first, ...rest] = endpoints(3);
  assert.ok(first);
  rig.list({ goods: [{ ...first, standing: 'draining' }, ...rest] });
  rig.announced();
  rig.list({ goods: rest });
  assert.deepEqual(rig.inUse(), ['10.0.0.2:80', '10.0.0.3:80']);
  assert.deepEqual(rig.announced(), ['left 10.0.0.1:80 removed']);
  assert.deepEqual(rig.probes, []);
  await rig.directory.close();
});

test('a key that its owner deleted is gone as soon as its lease has been seen alive', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: leased(1) });
  rig.announced();
  rig.livingLeases.add('1');
  rig.list({}, { '10.0.0.1:80': {} });
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80'], 'until the answer is there');
  await settle();
  assert.deepEqual(rig.inUse(), []);
  assert.deepEqual(rig.announced(), ['left 10.0.0.1:80 removed']);
  await rig.directory.close();
});

test('deletes by owners, one after another, never add up to a loss', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  const all = leased(10);
  rig.list({ goods: all });
  rig.announced();
  for (let gone = 1; gone <= 9; gone++) {
    rig.livingLeases.add(String(gone));
    rig.list({ goods: all.slice(gone) }, { [`10.0.0.${gone}:80`]: {} });
    await rig.clock.advance(50);
  }
  assert.deepEqual(rig.inUse(), ['10.0.0.10:80']);
  assert.ok(rig.announced().every((line) => line.endsWith(' removed')));
  await rig.directory.close();
});

test('what owners have deleted does not make the next loss look worse', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  const all = leased(10);
  rig.list({ goods: all });
  for (let gone = 1; gone <= 4; gone++) {
    rig.livingLeases.add(String(gone));
    rig.list({ goods: all.slice(gone) }, { [`10.0.0.${gone}:80`]: {} });
  }
  await settle();
  rig.list({ goods: all.slice(5) });
  assert.ok(!rig.inUse().includes('10.0.0.5:80'), 'one of six');
  assert.ok(!rig.probes.includes('goods 10.0.0.5:80'));
  await rig.directory.close();
});

test('an answer about the lease that comes late still counts', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: leased(1) });
  rig.silentLeases.add('1');
  rig.list({}, { '10.0.0.1:80': {} });
  await rig.clock.advance(1_500);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*']);
  rig.announced();
  await rig.answer('1', true);
  assert.deepEqual(rig.inUse(), []);
  assert.deepEqual(rig.announced(), ['left 10.0.0.1:80 released: its owner deleted it']);
  await rig.directory.close();
});

test('an answer about an earlier registration says nothing about a later one', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.silentLeases.add('1');
  rig.list({ goods: leased(1) });
  rig.list({}, { '10.0.0.1:80': {} });
  await settle();
  rig.list({ goods: [endpointAt(1, { lease: '2' })] });
  rig.list({}, { '10.0.0.1:80': {} });
  await settle();
  await rig.answer('1', true);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*']);
  await rig.directory.close();
});

test('a lease that is gone too is no evidence: the endpoint is held', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: leased(1) });
  rig.list({}, { '10.0.0.1:80': {} });
  await settle();
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*']);
  await rig.directory.close();
});

test('a registry that does not say whether the lease lives delays nothing', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: leased(2) });
  rig.dead.add('10.0.0.2:80');
  rig.silentLeases.add('1').add('2');
  rig.list({}, { '10.0.0.1:80': { revision: 8n }, '10.0.0.2:80': { revision: 9n } });
  await settle();
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80'], 'a failed probe needs no second opinion');
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*']);
  await rig.directory.close();
});

test('what is held in one service leaves the sets of the others the objects they were', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: endpoints(1), users: [endpointAt(7)] });
  const users = { service: 'users', registry: 'main' };
  let told = 0;
  rig.directory.subscribe(users, () => told++);
  rig.list({ users: [endpointAt(7)] });
  await settle();
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*']);
  assert.equal(told, 2, 'at once, and when the registry listed it anew');
  await rig.directory.close();
});

const THOUSAND = Array.from({ length: 1_000 }, (_, i) => ({
  ...endpointAt(1),
  address: `10.0.1.1:${i + 1}`,
}));
const USERS = [endpointAt(7)];

/** A registry that has just lost a thousand endpoints of goods, and still lists those of users. */
function rigThatLostGoods(over: ConstructorParameters<typeof GuardRig>[0] = {}): GuardRig {
  const rig = new GuardRig(over);
  rig.directory.start();
  rig.list({ goods: THOUSAND, users: USERS });
  rig.list({ users: USERS });
  return rig;
}

test('of thousands 64 are probed at once, and then a thousand a second', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: THOUSAND });
  rig.list({});
  await settle();
  assert.equal(rig.probes.length, 64);
  await rig.clock.advance(500);
  assert.equal(rig.probes.length, 564);
  assert.equal(rig.inUse().length, 1_000, 'those that have not had their turn stay in use');
  await rig.clock.advance(500);
  assert.equal(rig.inUse().filter((address) => address.endsWith('*')).length, 1_000);
  await rig.directory.close();
});

test('thousands that do not answer are probed no more than 256 at a time', async () => {
  let probes = 0;
  const rig = rigThatLostGoods({
    probe: () => {
      probes += 1;
      return new Promise(() => {});
    },
  });
  await rig.clock.advance(5_000);
  assert.equal(probes, 256);
  await rig.directory.close();
});

test('those that are listed again hold up nobody who is lost later', async () => {
  const rig = rigThatLostGoods();
  rig.list({ goods: THOUSAND, users: USERS });
  await rig.clock.advance(100);
  rig.list({ goods: THOUSAND });
  await settle();
  assert.equal(rig.probes.at(-1), 'users 10.0.0.7:80');
  await rig.directory.close();
});

test('one that is lost while thousands are held is probed before them', async () => {
  const rig = rigThatLostGoods();
  await rig.clock.advance(1_500);
  rig.list({});
  await rig.clock.advance(10);
  assert.ok(rig.probes.includes('users 10.0.0.7:80'));
  assert.ok(rig.probes.length > 1_500 && rig.probes.length < 1_700, 'a round is under way');
  await rig.directory.close();
});

test('an endpoint that is listed again before its turn is not probed', async () => {
  const rig = rigThatLostGoods();
  await settle();
  rig.list({ goods: THOUSAND, users: USERS });
  await rig.clock.advance(5_000);
  assert.equal(rig.probes.length, 64);
  await rig.directory.close();
});

test('nothing is left of a guard that was closed', async () => {
  const rig = await rigOf(2);
  rig.list({});
  await rig.directory.close();
  await settle();
  assert.equal(rig.clock.pending, 0);
  assert.deepEqual(rig.announced(), []);
});
