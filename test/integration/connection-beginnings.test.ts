import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { selfSigned } from '../support/certificates.js';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { fieldOf } from '../support/raw-http.js';

// How connections begin, and those that do not: one port takes HTTP/1.1 and HTTP/2 (RFC 9113 section 3.4).

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const OPAQUE = Buffer.from('answered');
const PING = Buffer.concat([Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0]), OPAQUE]);

/** Resolves once the gateway has read what has been sent: a connection that comes later has been answered. */
async function allRead(port: number): Promise<void> {
  assert.equal((await rawRequest(port, GET)).status, 200);
}

async function statusOverHttp2(t: TestContext, port: number): Promise<unknown> {
  const session = connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const stream = session.request({ ':path': '/' });
  const [headers] = await once(stream, 'response');
  await once(stream.resume(), 'close');
  return headers[':status'];
}

test('a preface that comes in two pieces, the rest with what follows it', async (t) => {
  const { port } = await behindGateway(t);
  for (const cut of [1, 3, 17, 23]) {
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(PREFACE.slice(0, cut));
    await allRead(port);
    await client.write(Buffer.concat([Buffer.from(PREFACE.slice(cut)), SETTINGS, PING]));
    await client.until('the answer to a PING', () => client.received().includes(OPAQUE) || undefined);
  }
});

/** What is sent, piece by piece. */
const noBeginnings: Readonly<Record<string, readonly string[]>> = {
  'right after a request': [GET + PREFACE],
  'after a request that has been answered': [GET, PREFACE],
  'after an empty line': ['\r\n', PREFACE],
  'in one piece with an empty line': [`\r\n${PREFACE}`],
  'without its end': [PREFACE.replace('SM', 'XX')],
  'with another path': ['PRI / HTTP/1.1\r\nHost: a\r\n\r\n'],
};
for (const [where, pieces] of Object.entries(noBeginnings)) {
  test(`a preface ${where} is malformed`, async (t) => {
    const { port, gateway } = await behindGateway(t);
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    for (const piece of pieces) {
      await client.write(piece);
      await allRead(port);
    }
    await client.closed();
    const text = client.received().toString();
    assert.match(text.slice(text.lastIndexOf('HTTP/1.1 ')), /^HTTP\/1\.1 400 /);
    assert.ok(gateway.requests.some(({ cause }) => cause === 'BAD_REQUEST'));
  });
}

test('a connection that closes or breaks before its first byte is no request, and harms nobody', async (t) => {
  const { port, gateway } = await behindGateway(t);
  for (const leave of [
    (client: RawClient) => client.socket.end(),
    (client: RawClient) => client.socket.resetAndDestroy(),
  ]) {
    const client = await RawClient.connect(port);
    leave(client);
    await client.closed();
  }
  assert.equal(await statusOverHttp2(t, port), 200);
  await allRead(port);
  assert.deepEqual(
    gateway.requests.map(({ status }) => status),
    [200, 200],
  );
});

test('a gateway that leaves closes connections on which nothing has come, and waits for the others', async (t) => {
  const { certFile, keyFile } = await selfSigned(t);
  const tls = `tls: { listen: 127.0.0.1:0, cert: ${certFile}, key: ${keyFile} }\n`;
  const { port, gateway } = await behindGateway(t, undefined, `${tls}drainDelay: 0s\n${routeAll()}`);
  const silent = await RawClient.connect(port);
  const secure = connectTls({ port: gateway.tlsPort, host: '127.0.0.1', rejectUnauthorized: false });
  await once(secure, 'secureConnect');
  const begun = await RawClient.connect(port);
  await begun.write('GET / HTTP/1.1\r\n');
  await allRead(port);
  const secureClosed = once(secure.resume(), 'close');
  const drained = gateway.drain();
  await silent.closed();
  await secureClosed;
  await begun.write('Host: a\r\n\r\n');
  const last = await begun.response();
  assert.equal(last.status, 200);
  assert.equal(fieldOf(last, 'connection'), 'close');
  await drained;
});

/** Connects to `port` until `wanted` are connected, and says so without the help of the thread that made it. */
const CONNECTING = `
  const { workerData: { port, wanted, connected } } = require('node:worker_threads');
  const sockets = Array.from({ length: wanted }, () => require('node:net').connect(port, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => undefined).once('connect', () => {
    if (Atomics.add(connected, 0, 1) === wanted - 1) Atomics.notify(connected, 1);
  });
`;

/** How many of so many are connected before the kernel's clients try again, which they do after a second. */
async function connectedAtOnce(port: number, wanted: number): Promise<number> {
  const connected = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(CONNECTING, { eval: true, workerData: { port, wanted, connected } });
  await once(worker, 'online');
  // This thread, and with it the gateway, does nothing meanwhile.
  Atomics.wait(connected, 1, 0, 900);
  const [count = 0] = connected;
  await worker.terminate();
  return count;
}

test('a thousand connections at once are taken, however busy the gateway is: none is sent away to try again', async (t) => {
  const { port } = await behindGateway(t);
  const wanted = 1_000;
  // Beside other tests a second may pass without any of them. A queue that is too short overflows each time.
  const counts: number[] = [];
  while (counts.at(-1) !== wanted && counts.length < 3) counts.push(await connectedAtOnce(port, wanted));
  assert.equal(counts.at(-1), wanted, `connected: ${counts}`);
  await allRead(port);
});
