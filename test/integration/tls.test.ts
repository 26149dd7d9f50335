import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { selfSigned, type TestCertificate } from '../support/certificates.js';
import {
  type Behind,
  behindGateway,
  routeAll,
  startGatewayUnderTest,
} from '../support/gateway-under-test.js';
import { fieldsOf, head } from '../support/raw-http.js';

// RFC 9113 section 9.2 and RFC 7301; the certificate is followed as nginx and Envoy's SDS do.

interface Secure extends Behind {
  readonly certificate: TestCertificate;
  readonly tlsPort: number;
}

async function behindTls(t: TestContext, ...lines: readonly string[]): Promise<Secure> {
  const certificate = await selfSigned(t);
  const tls = [
    'tls:',
    '  listen: 127.0.0.1:0',
    `  cert: ${certificate.certFile}`,
    `  key: ${certificate.keyFile}`,
    ...lines.map((line) => `  ${line}`),
  ];
  const behind = await behindGateway(t, undefined, `${tls.join('\n')}\n${routeAll()}`);
  return { ...behind, certificate, tlsPort: behind.gateway.tlsPort };
}

/** Shakes hands, and closes. Resolves to the connection as it was; rejects when it was refused. */
async function handshake(t: TestContext, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

async function commonName(t: TestContext, port: number): Promise<string> {
  const socket = await handshake(t, port);
  return new X509Certificate(socket.getPeerCertificate().raw).subject;
}

async function getOver(agent: Agent, port: number): Promise<number> {
  const request = get({ port, host: '127.0.0.1', path: '/', agent });
  const [response] = await once(request, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

test('an absolute target over TLS is one of https', async (t) => {
  const { tlsPort, upstream } = await behindTls(t);
  for (const [target, status] of [
    ['https://shop.example/goods', 200],
    ['HTTPS://shop.example/goods', 200],
    ['http://shop.example/goods', 400],
  ]) {
    const socket = await handshake(t, tlsPort);
    socket.write(head(`GET ${target} HTTP/1.1`, 'Host: a'));
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), new RegExp(`^HTTP/1.1 ${status} `), String(target));
  }
  assert.deepEqual(
    upstream.requests.map((request) => [request.startLine, fieldsOf(request, 'Host')[0]]),
    Array.from({ length: 2 }, () => ['GET /goods HTTP/1.1', 'shop.example']),
  );
});

test('a request over TLS reaches the endpoint like any other, as one of https', async (t) => {
  const { tlsPort, certificate, upstream, gateway } = await behindTls(t);
  const agent = new Agent({ ca: certificate.cert, keepAlive: true });
  t.after(() => agent.destroy());
  assert.equal(await getOver(agent, tlsPort), 200);
  assert.equal(await getOver(agent, tlsPort), 200);
  const seen = await upstream.request();
  assert.deepEqual(fieldsOf(seen, 'x-forwarded-proto'), ['https']);
  assert.deepEqual(fieldsOf(seen, 'x-forwarded-port'), [String(tlsPort)]);
  assert.match(fieldsOf(seen, 'forwarded')[0] ?? '', /proto=https/);
  assert.equal((await gateway.record()).client, '127.0.0.1');
});

test('TLS 1.1 is refused, and what is weak in TLS 1.2; minVersion 1.3 refuses all of 1.2', async (t) => {
  const usual = await behindTls(t);
  const old: ConnectionOptions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' };
  await assert.rejects(handshake(t, usual.tlsPort, old), { code: /ALERT_PROTOCOL_VERSION/ });
  const cbc: ConnectionOptions = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' };
  await assert.rejects(handshake(t, usual.tlsPort, cbc), { code: /HANDSHAKE_FAILURE/ });
  assert.equal((await handshake(t, usual.tlsPort, { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2');
  const strict = await behindTls(t, 'minVersion: 1.3');
  await assert.rejects(handshake(t, strict.tlsPort, { maxVersion: 'TLSv1.2' }), {
    code: /ALERT_PROTOCOL_VERSION/,
  });
});

test('the protocol is agreed on in the handshake: HTTP/2 first, HTTP/1.1 for who says nothing, no other', async (t) => {
  const { tlsPort } = await behindTls(t);
  const agreed = async (...ALPNProtocols: string[]): Promise<unknown> =>
    (await handshake(t, tlsPort, { ALPNProtocols })).alpnProtocol;
  assert.equal(await agreed('http/1.1', 'h2'), 'h2');
  assert.equal(await agreed('http/1.1'), 'http/1.1');
  assert.equal(await agreed(), false);
  await assert.rejects(agreed('spdy/3'), { code: /NO_APPLICATION_PROTOCOL/ });
});

test('who has agreed on HTTP/1.1 is held to it', async (t) => {
  const { tlsPort, gateway } = await behindTls(t);
  const socket = await handshake(t, tlsPort, { ALPNProtocols: ['http/1.1'] });
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 400 /);
  assert.equal((await gateway.record()).cause, 'BAD_REQUEST');
});

test('a renewed certificate is shown to new connections, a bad one never, and open connections stay', async (t) => {
  const { tlsPort, certificate, gateway } = await behindTls(t);
  let readings = 1;
  /** Waits for the next one that is taken. One file may have been read before the other was written. */
  const taken = async (): Promise<void> => {
    while (!(await gateway.certificate(readings)).ok) readings += 1;
    readings += 1;
  };
  const kept = await handshake(t, tlsPort);
  assert.equal(await commonName(t, tlsPort), 'CN=gateway');

  const renewed = await selfSigned(t, 'renewed');
  await rename(renewed.keyFile, certificate.keyFile);
  await rename(renewed.certFile, certificate.certFile);
  await taken();
  assert.equal(await commonName(t, tlsPort), 'CN=renewed');

  const edited = await selfSigned(t, 'edited');
  await writeFile(certificate.certFile, edited.cert);
  const refused = await gateway.certificate(readings);
  assert.equal(refused.ok, false);
  assert.match(refused.detail, /^tls: the key in \S+tls\.key is not that of the certificate in \S+tls\.crt$/);
  assert.equal(await commonName(t, tlsPort), 'CN=renewed');

  await writeFile(certificate.keyFile, edited.key);
  await taken();
  assert.equal(await commonName(t, tlsPort), 'CN=edited');
  kept.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [bytes] = await once(kept, 'data');
  assert.match(String(bytes), /^HTTP\/1\.1 200 /);
});

test('no request fails while the certificate is renewed', async (t) => {
  const { tlsPort, certificate, gateway } = await behindTls(t);
  const agent = new Agent({ rejectUnauthorized: false, keepAlive: false, maxSockets: 4 });
  let renewed = false;
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      do assert.equal(await getOver(agent, tlsPort), 200);
      while (!renewed);
    }),
  );
  const { certFile, keyFile } = await selfSigned(t, 'renewed');
  await rename(keyFile, certificate.keyFile);
  await rename(certFile, certificate.certFile);
  let reading = 1;
  while (!(await gateway.certificate(reading)).ok) reading += 1;
  renewed = true;
  await load;
});

test('a gateway whose certificate and key do not belong together does not start, and says so in one line', async (t) => {
  const { certFile } = await selfSigned(t);
  const { keyFile } = await selfSigned(t);
  const start = (cert: string, key: string): Promise<unknown> =>
    startGatewayUnderTest({
      routes: `tls: { listen: 127.0.0.1:0, cert: ${cert}, key: ${key} }\n${routeAll()}`,
    });
  await assert.rejects(start(certFile, keyFile), {
    code: 'CERTIFICATE_INVALID',
    message: `tls: the key in ${keyFile} is not that of the certificate in ${certFile}`,
  });
  await assert.rejects(start(keyFile, keyFile), {
    message: `tls.cert: ${keyFile} holds no certificate in PEM form`,
  });
  await assert.rejects(start('/nowhere', keyFile), { code: 'FILE_UNREADABLE' });
});
