import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient } from '../support/raw-client.js';
import { fieldsOf, head } from '../support/raw-http.js';

// RFC 9110 section 15.5.9. The server looks for slow clients every five seconds, hence one test for all.

const LIMITS = `server:\n  headersTimeout: 200ms\n  receiveTimeout: 300ms\n${routeAll()}`;

const unfinished: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'a head that is not finished': 'GET / HTTP/1.1\r\nHost: a\r\n',
  'a request line that is not finished': 'GET /',
  'a body that is not finished': `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}half`,
  'chunks that are not finished': `${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}4\r\nhalf\r\n`,
};

test('a client too slow to send a request is answered 408, and no endpoint has a complete request', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, undefined, LIMITS);
  await Promise.all(
    Object.entries(unfinished).map(async ([what, bytes]) => {
      const client = await RawClient.connect(port);
      t.after(() => client.destroy());
      await client.write(bytes);
      await client.until(what, () => client.count > 0 || client.state !== 'open' || undefined, 15_000);
      const response = await client.response();
      assert.equal(response.status, 408, what);
      assert.match(response.body.toString(), /"code":"REQUEST_TIMEOUT"/, what);
      assert.equal(fieldsOf(response, 'x-trace-id').length, 1, what);
      await client.closed();
    }),
  );
  for (const connection of upstream.connections) await connection.closed();
  assert.deepEqual(upstream.requests, []);
  assert.ok(gateway.requests.every(({ status, cause }) => status === 408 && cause === 'REQUEST_TIMEOUT'));
});
