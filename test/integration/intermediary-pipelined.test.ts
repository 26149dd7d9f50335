import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type GatewayUnderTest, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { type HeldEndpoint, startHeldEndpoint } from '../support/held-endpoint.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { head } from '../support/raw-http.js';

// RFC 9112 section 9.3.2, "Pipelining": what comes behind a request is answered behind it, whatever it is.

const HELD = head('GET /held HTTP/1.1', 'Host: a');
const NEXT = head('GET /next HTTP/1.1', 'Host: a');
const H2C = head('GET /h2c HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c');
const MALFORMED = {
  rubbish: '\x16\x03\x01',
  'two lengths': head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 2'),
  'a CONNECT': head('CONNECT a:443 HTTP/1.1', 'Host: a'),
};

interface Behind {
  readonly gateway: GatewayUnderTest;
  readonly endpoint: HeldEndpoint;
  readonly client: RawClient;
}

async function clientOfHeld(t: TestContext): Promise<Behind> {
  const endpoint = await startHeldEndpoint(t);
  const gateway = await startGatewayUnderTest({
    routes: routeAll(),
    services: { goods: [endpoint.address] },
  });
  t.after(() => gateway.close());
  const client = await RawClient.connect(gateway.port);
  t.after(() => client.destroy());
  return { gateway, endpoint, client };
}

/** Resolves once the gateway has read what has been sent: a connection that comes later has been answered. */
async function allRead({ port }: GatewayUnderTest): Promise<void> {
  assert.equal((await rawRequest(port, NEXT)).status, 200);
}

test('an upgrade that is not taken up is served in its turn, while an earlier request is under way', async (t) => {
  const { gateway, endpoint, client } = await clientOfHeld(t);
  await client.write(HELD);
  const held = await endpoint.held(0);
  await client.write(H2C);
  await allRead(gateway);
  await client.write(NEXT);
  await allRead(gateway);
  assert.equal(client.count, 0);
  held.end('held');
  const bodies: string[] = [];
  for (let index = 0; index < 3; index += 1) bodies.push((await client.response()).body.toString());
  assert.deepEqual(bodies, ['held', 'ok', 'ok']);
  const paths = gateway.requests.map(({ path }) => path);
  assert.deepEqual(paths.slice(-3), ['/held', '/h2c', '/next']);
});

test('all of them in one write, and more than one upgrade', async (t) => {
  const { endpoint, client, gateway } = await clientOfHeld(t);
  await client.write(NEXT + HELD + H2C + H2C + NEXT);
  (await endpoint.held(0)).end('held');
  const bodies: string[] = [];
  for (let index = 0; index < 5; index += 1) bodies.push((await client.response()).body.toString());
  assert.deepEqual(bodies, ['ok', 'held', 'ok', 'ok', 'ok']);
  await gateway.record(4);
  assert.deepEqual(
    gateway.requests.map(({ status, path }) => `${status} ${path}`),
    ['200 /next', '200 /held', '200 /h2c', '200 /h2c', '200 /next'],
  );
});

test('a response that is larger than any buffer goes on while an upgrade waits behind it', async (t) => {
  const { gateway, endpoint, client } = await clientOfHeld(t);
  await client.write(HELD + H2C);
  const held = await endpoint.held(0);
  await allRead(gateway);
  client.socket.pause();
  const large = Buffer.alloc(16 * 1024 * 1024, 'x');
  held.end(large);
  await allRead(gateway);
  client.socket.resume();
  await client.until('all of it', () => client.count > large.length || undefined);
  assert.ok((await client.response()).body.equals(large));
  assert.equal((await client.response()).body.toString(), 'ok');
});

test('a client that leaves while an upgrade waits ends the request before it', async (t) => {
  const { gateway, endpoint, client } = await clientOfHeld(t);
  await client.write(HELD + H2C);
  await endpoint.held(0);
  await allRead(gateway);
  client.destroy();
  assert.equal((await gateway.record(1)).cause, 'CLIENT_GONE');
  await allRead(gateway);
  assert.equal(endpoint.requests, 3);
});

for (const [what, bytes] of Object.entries(MALFORMED)) {
  test(`${what} behind a request that is under way is refused when that has been answered`, async (t) => {
    const { gateway, endpoint, client } = await clientOfHeld(t);
    await client.write(`${head('POST /held HTTP/1.1', 'Host: a', 'Content-Length: 4')}body`);
    const held = await endpoint.held(0);
    await client.write(bytes);
    await allRead(gateway);
    await client.write('and more of it');
    await allRead(gateway);
    assert.equal(client.count, 0);
    held.end('held');
    const first = await client.response();
    assert.equal(`${first.status} ${first.body}`, '200 held');
    assert.equal((await client.response()).status, 400);
    await client.closed();
    assert.equal(client.rest().length, 0);
    await gateway.record(3);
    assert.deepEqual(
      gateway.requests.slice(2).map(({ status, path }) => `${status} ${path}`),
      ['200 /held', '400 '],
    );
  });

  test(`${what} behind a response that is streaming does not cut it`, async (t) => {
    const { gateway, endpoint, client } = await clientOfHeld(t);
    await client.write(HELD);
    const held = await endpoint.held(0);
    held.write('begun, ');
    await client.sees('begun');
    await client.write(bytes);
    await allRead(gateway);
    held.end('ended');
    assert.equal((await client.response()).body.toString(), 'begun, ended');
    assert.equal((await client.response()).status, 400);
    await client.closed();
  });

  for (const closing of [
    head('GET /held HTTP/1.1', 'Host: a', 'Connection: close'),
    head('GET /held HTTP/1.0'),
  ]) {
    const [line = ''] = closing.split('\r\n');
    test(`${what} behind ${line}, which closes the connection, is ignored (section 9.6)`, async (t) => {
      const { gateway, endpoint, client } = await clientOfHeld(t);
      await client.write(closing);
      const held = await endpoint.held(0);
      await client.write(bytes);
      await allRead(gateway);
      held.end('held');
      assert.equal((await client.response()).body.toString(), 'held');
      await client.closed();
      assert.equal(client.rest().length, 0);
      assert.deepEqual(
        gateway.requests.map(({ path }) => path),
        ['/next', '/held'],
      );
    });
  }
}

test('what is malformed within a request fails that one at once, behind those before it', async (t) => {
  const { gateway, endpoint, client } = await clientOfHeld(t);
  const chunked = head('POST /held HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked');
  await client.write(`${HELD}${chunked}3\r\none\r\n`);
  const held = await endpoint.held(0);
  const failing = await endpoint.held(1);
  const brokenOff = new Promise((resolve) => failing.once('close', resolve));
  await client.write('no size\r\n');
  await brokenOff;
  held.end('held');
  assert.equal((await client.response()).body.toString(), 'held');
  assert.equal((await client.response()).status, 400);
  await client.closed();
  assert.equal(client.rest().length, 0);
  await gateway.record(1);
});

test('what comes behind a request that was refused with its connection is ignored', async (t) => {
  const { client } = await clientOfHeld(t);
  await client.write(head('GET /%2f HTTP/1.1', 'Host: a') + H2C);
  assert.equal((await client.response()).status, 400);
  await client.closed();
  assert.equal(client.rest().length, 0);
});
