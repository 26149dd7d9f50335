import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { test } from 'node:test';
import { behindGateway } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { chunked, type Field, fieldOf, fieldsOf, head, ok, type RawHead } from '../support/raw-http.js';
import { answering } from '../support/raw-upstream.js';

const FIELDS: readonly Field[] = [
  ['X-B', '1'],
  ['x-a', '2'],
  ['X-B', '3'],
  ['ACCEPT', '*/*'],
  ['cookie', 'a=1; b="2"'],
  ['Cookie', 'c=3'],
  ['x-eMPTY', ''],
  ['X-Latin', 'caf\xe9'],
  ['X-Utf', '\xc3\xa9\xe4\xbd\xa0'],
  ['X-Inner', 'two  spaces\tand a tab'],
  ['X-Odd', '!#$%&\'*+-.^_`|~"\\()<>@,;:/[]?={}'],
  ['User-Agent', 'x'],
];

const lines = (fields: readonly Field[]): string[] => fields.map(([name, value]) => `${name}: ${value}`);

/** The fields of `message` whose names, in any case, are among those of `fields`. */
function among(message: RawHead, fields: readonly Field[]): Field[] {
  const names = new Set(fields.map(([name]) => name.toLowerCase()));
  return message.fields.filter(([name]) => names.has(name.toLowerCase()));
}

test('request fields keep their case, order, duplicates and bytes', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(port, Buffer.from(head('GET / HTTP/1.1', 'Host: a', ...lines(FIELDS)), 'latin1'));
  assert.deepEqual(among(await upstream.request(), FIELDS), FIELDS);
});

const ANSWERED: readonly Field[] = [
  ['Set-Cookie', 'a=1; Path=/'],
  ['x-b', '1'],
  ['Set-Cookie', 'b=2, c'],
  ['X-B', '2'],
  ['set-cookie', 'a=1; Path=/'],
  ['DATE', 'Tue, 15 Nov 1994 08:12:31 GMT'],
  ['Server', 'raw'],
  ['X-Latin', 'caf\xe9 \xc3\xa9'],
  ['X-Empty', ''],
  ['WWW-Authenticate', 'Basic realm="a"'],
  ['WWW-Authenticate', 'Bearer'],
];

test('response fields keep their case, order, duplicates and bytes, and nothing is put in their place', async (t) => {
  const { port } = await behindGateway(t, answering(ok('ok', ...lines(ANSWERED))));
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  assert.deepEqual(among(response, ANSWERED), ANSWERED);
});

test('status and reason phrase are relayed, known or not', async (t) => {
  const statuses = ['200 Fine', '299 Odd', '418 I am one', '599 ', '404 Not Found'];
  const { port } = await behindGateway(
    t,
    answering(
      (request) => `HTTP/1.1 ${statuses[Number(fieldOf(request, 'X-N'))]}\r\nContent-Length: 0\r\n\r\n`,
    ),
  );
  for (const [index, status] of statuses.entries()) {
    const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', `X-N: ${index}`));
    assert.equal(response.startLine.trimEnd(), `HTTP/1.1 ${status}`.trimEnd());
  }
});

test('a reason phrase that is not ASCII gives way to the standard one', async (t) => {
  const { port } = await behindGateway(t, answering('HTTP/1.1 500 caf\xe9\r\nContent-Length: 0\r\n\r\n'));
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  assert.equal(response.startLine, 'HTTP/1.1 500 Internal Server Error');
});

test('every method the parser knows is proxied', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  assert.ok(methods.includes('PROPFIND') && methods.includes('PURGE'));
  for (const method of methods) {
    const response = await rawRequest(port, head(`${method} /m HTTP/1.1`, 'Host: a'));
    assert.equal(response.status, 200, method);
  }
  assert.deepEqual(
    upstream.requests.map((request) => request.startLine),
    methods.map((method) => `${method} /m HTTP/1.1`),
  );
});

test('a body goes through with its length, whatever the method', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PROPFIND']) {
    await rawRequest(port, `${head(`${method} / HTTP/1.1`, 'Host: a', 'Content-Length: 5')}b\0\r\n\xff`);
  }
  for (const request of upstream.requests) {
    assert.deepEqual(fieldsOf(request, 'Content-Length'), ['5'], request.startLine);
    assert.equal(request.body.toString('latin1'), 'b\0\r\n\xff', request.startLine);
  }
  assert.equal(upstream.requests.length, 6);
});

test('a chunked body goes through whole, whatever the method', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (const method of ['GET', 'DELETE', 'POST']) {
    const start = head(`${method} / HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked');
    const { status } = await rawRequest(port, start + chunked(['one', 'two', 'three']));
    assert.equal(status, 200, method);
  }
  assert.deepEqual(
    upstream.requests.map((request) => request.body.toString()),
    ['onetwothree', 'onetwothree', 'onetwothree'],
  );
});

test('an empty chunked body is an empty body', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(port, head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') + chunked([]));
  assert.equal((await upstream.request()).body.length, 0);
});

test('a request without a body is not given one', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
    await rawRequest(port, head(`${method} / HTTP/1.1`, 'Host: a'));
  }
  assert.deepEqual(
    upstream.requests.map(({ framing }) => framing),
    ['none', 'none', 'none', 'none'],
  );
});

test('nothing is added to a response but Via and x-trace-id', async (t) => {
  const { port } = await behindGateway(t, answering(head('HTTP/1.1 200 OK', 'Content-Length: 0')));
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  const added = response.fields
    .map(([name]) => name.toLowerCase())
    .filter((name) => name !== 'content-length');
  const known = ['via', 'x-trace-id', 'connection', 'keep-alive', 'date'];
  assert.deepEqual(
    added.filter((name) => !known.includes(name)),
    [],
  );
});
