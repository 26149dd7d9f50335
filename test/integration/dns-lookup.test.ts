import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { DnsClient } from '../../src/discovery/dns/client.js';
import { type Family, type Lookup, Lookups, type Remembered } from '../../src/discovery/dns/lookup.js';
import { writeReply } from '../support/dns-message.js';
import { a, aaaa, cname, srv, TestDnsServer } from '../support/dns-server.js';
import { hastyClock } from '../support/hasty-clock.js';

const NAME = '_goods._tcp.test';

interface Asking {
  readonly family?: Family;
  readonly remembered?: Remembered;
  readonly port?: number;
  readonly clock?: Clock;
  readonly servers?: readonly { readonly host: string; readonly port: number }[];
}

async function serve(t: TestContext, ...zone: TestDnsServer['zone']): Promise<TestDnsServer> {
  return TestDnsServer.start(t, zone);
}

function lookUp(server: TestDnsServer, name: string, asking: Asking = {}): Promise<Lookup> {
  const { family = 'any', remembered = new Map(), port, clock = systemClock } = asking;
  const { servers = [server.address] } = asking;
  const lookups = new Lookups(new DnsClient({ servers, clock }), family);
  return lookups.lookUp({ name, port }, remembered, new AbortController().signal);
}

/** `ip:port weight target` of each, sorted. */
function shown({ located }: Lookup): string[] {
  return located.map(({ ip, port, weight, target }) => [ip, port, weight, target].join(' ').trim()).sort();
}

test('a name with a port gives its addresses of both families at that port', async (t) => {
  const server = await serve(
    t,
    a('goods.test', '10.0.0.1'),
    a('goods.test', '10.0.0.2'),
    aaaa('goods.test', 'fd00::1'),
  );
  const lookup = await lookUp(server, 'goods.test', { port: 8080 });
  assert.deepEqual(shown(lookup), ['10.0.0.1 8080 1', '10.0.0.2 8080 1', 'fd00::1 8080 1']);
});

test('one family only is asked for when that is wanted', async (t) => {
  const server = await serve(t, a('goods.test', '10.0.0.1'), aaaa('goods.test', 'fd00::1'));
  assert.deepEqual(shown(await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
  assert.deepEqual(shown(await lookUp(server, 'goods.test', { port: 80, family: 'ipv6' })), ['fd00::1 80 1']);
  assert.deepEqual(server.asked, ['A goods.test udp', 'AAAA goods.test udp']);
});

test('SRV records give ports and weights, and their targets are resolved', async (t) => {
  const server = await serve(
    t,
    srv(NAME, 'one.test', 8001, { weight: 30 }),
    srv(NAME, 'two.test', 8002, { weight: 10 }),
    a('one.test', '10.0.0.1'),
    a('two.test', '10.0.0.2'),
  );
  assert.deepEqual(shown(await lookUp(server, NAME)), [
    '10.0.0.1 8001 30 one.test',
    '10.0.0.2 8002 10 two.test',
  ]);
});

test('addresses that come along with SRV records are not asked for', async (t) => {
  const server = await serve(t);
  server.override = ({ type }) =>
    type === 'SRV'
      ? {
          answers: [srv(NAME, 'one.test', 80)],
          additionals: [a('one.test', '10.0.0.1', 7), a('other.test', '10.9.9.9')],
        }
      : undefined;
  const lookup = await lookUp(server, NAME);
  assert.deepEqual(shown(lookup), ['10.0.0.1 80 1 one.test']);
  assert.deepEqual(server.asked, [`SRV ${NAME} udp`]);
  assert.equal(lookup.ttl, 7);
});

test('only the lowest priority is used, and the target "." is no endpoint (RFC 2782)', async (t) => {
  const server = await serve(
    t,
    srv(NAME, 'one.test', 80, { priority: 1 }),
    srv(NAME, 'two.test', 80, { priority: 2 }),
    a('one.test', '10.0.0.1'),
    a('two.test', '10.0.0.2'),
    srv('_gone._tcp.test', '', 0),
  );
  assert.deepEqual(shown(await lookUp(server, NAME)), ['10.0.0.1 80 1 one.test']);
  assert.deepEqual(shown(await lookUp(server, '_gone._tcp.test')), []);
});

test('weights of 0 are equal among themselves and next to nothing beside others', async (t) => {
  const server = await serve(
    t,
    srv(NAME, 'one.test', 80, { weight: 0 }),
    srv(NAME, 'two.test', 80, { weight: 5 }),
    a('one.test', '10.0.0.1'),
    a('two.test', '10.0.0.2'),
  );
  assert.deepEqual(shown(await lookUp(server, NAME)), [
    '10.0.0.1 80 0.001 one.test',
    '10.0.0.2 80 5 two.test',
  ]);
});

test('the addresses of one target share its weight', async (t) => {
  const server = await serve(
    t,
    srv(NAME, 'one.test', 80, { weight: 8 }),
    a('one.test', '10.0.0.1'),
    aaaa('one.test', 'fd00::1'),
  );
  assert.deepEqual(shown(await lookUp(server, NAME)), ['10.0.0.1 80 4 one.test', 'fd00::1 80 4 one.test']);
});

test('the TTL is the shortest of all records on the way', async (t) => {
  const server = await serve(
    t,
    srv(NAME, 'alias.test', 80, { ttl: 50 }),
    cname('alias.test', 'one.test', 20),
    a('one.test', '10.0.0.1', 40),
  );
  assert.equal((await lookUp(server, NAME)).ttl, 20);
  assert.equal((await lookUp(server, 'one.test', { port: 80 })).ttl, 40);
});

test('an alias is followed, by us when the server leaves that to us', async (t) => {
  const server = await serve(t, cname('alias.test', 'one.test'), a('one.test', '10.0.0.1'));
  assert.deepEqual(shown(await lookUp(server, 'alias.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
  assert.equal(server.asked.length, 1);
  server.override = ({ name }) =>
    name === 'alias.test' ? { answers: [cname('alias.test', 'one.test')] } : undefined;
  assert.deepEqual(shown(await lookUp(server, 'alias.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
});

test('aliases that lead in a circle are an error', async (t) => {
  const server = await serve(t);
  server.override = () => ({ answers: [cname('a.test', 'b.test'), cname('b.test', 'a.test')] });
  await assert.rejects(lookUp(server, 'a.test', { port: 80 }), { message: 'A a.test: more than 8 aliases' });
});

test('no such name, and a name without such records, are empty answers, with the TTL of the denial', async (t) => {
  const server = await serve(t, a('goods.test', '10.0.0.1'));
  for (const lookup of [
    await lookUp(server, 'nothing.test', { port: 80 }),
    await lookUp(server, 'goods.test'),
  ]) {
    assert.deepEqual(lookup, { located: [], ttl: 5, unresolved: [] });
  }
});

test('a name of one family is no empty answer, and the absence of the other does not bound its TTL', async (t) => {
  const server = await serve(t, a('goods.test', '10.0.0.1', 30));
  assert.equal((await lookUp(server, 'goods.test', { port: 80 })).ttl, 30);
});

test('names are compared without regard to case', async (t) => {
  const server = await serve(t);
  server.override = ({ type }) => (type === 'A' ? { answers: [a('GOODS.Test', '10.0.0.1')] } : undefined);
  assert.deepEqual(shown(await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
});

test('records of other names in the answer are left out', async (t) => {
  const server = await serve(t);
  server.override = () => ({ answers: [a('evil.test', '10.6.6.6'), a('goods.test', '10.0.0.1')] });
  assert.deepEqual(shown(await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
});

test('an answer that does not fit a datagram is asked for over TCP', async (t) => {
  const many = Array.from({ length: 200 }, (_, index) =>
    a('goods.test', `10.0.${index >> 8}.${index & 255}`),
  );
  const server = await serve(t, ...many);
  const lookup = await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' });
  assert.equal(lookup.located.length, 200);
  assert.deepEqual(server.asked, ['A goods.test udp', 'A goods.test tcp']);
});

test('an answer of 1200 bytes comes in one datagram, thanks to EDNS', async (t) => {
  const some = Array.from({ length: 70 }, (_, index) => a('goods.test', `10.0.0.${index}`));
  const server = await serve(t, ...some);
  assert.equal((await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' })).located.length, 70);
  assert.deepEqual(server.asked, ['A goods.test udp']);
});

test('a server that does not know EDNS is asked without', async (t) => {
  const server = await serve(t, a('goods.test', '10.0.0.1'));
  server.override = ({ hasEdns }) => (hasEdns ? { code: 1 } : undefined);
  assert.deepEqual(shown(await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
});

test('a datagram that was lost is sent again', async (t) => {
  const server = await serve(t, a('goods.test', '10.0.0.1'));
  server.override = () => (server.questions.items.length === 0 ? 'silence' : undefined);
  assert.deepEqual(shown(await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
  assert.equal(server.asked.length, 2);
});

test('what is no reply to the question is passed over, and the reply waited for', async (t) => {
  const server = await serve(t);
  const evil = { answers: [a('goods.test', '10.6.6.6')] };
  const other = Buffer.from('\x04evil\x04test\0\0\x01\0\x01', 'latin1');
  server.override = (question) => {
    const echo = writeReply(question, evil);
    echo.writeUInt8(0, 2);
    return [
      Buffer.alloc(5),
      writeReply({ ...question, id: question.id ^ 1 }, evil),
      writeReply({ ...question, section: other }, evil),
      echo,
      writeReply(question, evil).subarray(0, -2),
      writeReply(question, { answers: [a('goods.test', '10.0.0.1')] }),
    ];
  };
  assert.deepEqual(shown(await lookUp(server, 'goods.test', { port: 80, family: 'ipv4' })), [
    '10.0.0.1 80 1',
  ]);
  assert.equal(server.asked.length, 1);
});

test('SERVFAIL, REFUSED, a referral, silence and a closed port are no answers: the next server is asked', async (t) => {
  const good = await serve(t, a('goods.test', '10.0.0.1'));
  const said = [
    [{ code: 2 }, /answered SERVFAIL/],
    [{ code: 5 }, /answered REFUSED/],
    [{ authorities: [{ name: 'test', type: 'NS', target: 'ns.test', ttl: 5 }] }, /only named other servers/],
    ['silence', /did not answer within 3 s/],
  ] as const;
  for (const [answer, reason] of said) {
    const bad = await serve(t);
    bad.override = () => answer;
    const asking = { port: 80, family: 'ipv4', clock: hastyClock } as const;
    const servers = [bad.address, good.address];
    assert.deepEqual(shown(await lookUp(bad, 'goods.test', { ...asking, servers })), ['10.0.0.1 80 1']);
    await assert.rejects(lookUp(bad, 'goods.test', asking), reason);
  }
  // Nobody listens on port 1 of a machine that runs tests.
  const servers = [{ host: '127.0.0.1', port: 1 }];
  await assert.rejects(
    lookUp(good, 'goods.test', { port: 80, servers }),
    /cannot be reached \(ECONNREFUSED\)/,
  );
});

test('a target that cannot be resolved keeps the addresses that it had; one that never had any is told of', async (t) => {
  const server = await serve(
    t,
    srv(NAME, 'one.test', 80),
    srv(NAME, 'two.test', 80),
    srv(NAME, 'three.test', 80),
    srv(NAME, 'four.test', 80),
    a('one.test', '10.0.0.1'),
  );
  server.override = ({ name }) => (name === 'two.test' ? { code: 2 } : undefined);
  const remembered = new Map([
    ['two.test', ['10.0.0.2']],
    ['three.test', ['10.0.0.3']],
  ]);
  const lookup = await lookUp(server, NAME, { remembered });
  assert.deepEqual(shown(lookup), [
    '10.0.0.1 80 1 one.test',
    '10.0.0.2 80 1 two.test',
    '10.0.0.3 80 1 three.test',
  ]);
  assert.deepEqual(lookup.unresolved, ['four.test']);
  assert.equal(lookup.ttl, 5);
});

test('when no target can be resolved and none ever was, that is an error and not an empty list', async (t) => {
  const server = await serve(t, srv(NAME, 'one.test', 80));
  server.override = ({ name }) => (name === 'one.test' ? { code: 2 } : undefined);
  await assert.rejects(lookUp(server, NAME), /one\.test.*SERVFAIL/);
});

test('a lookup that is broken off rejects at once', async (t) => {
  const server = await serve(t);
  server.override = () => 'silence';
  const lookups = new Lookups(new DnsClient({ servers: [server.address], clock: hastyClock }), 'any');
  const abort = new AbortController();
  const pending = lookups.lookUp({ name: 'goods.test', port: 80 }, new Map(), abort.signal);
  const outcome = assert.rejects(pending);
  await server.questions.nth();
  abort.abort();
  await outcome;
});
