import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway } from '../support/gateway-under-test.js';
import { RawClient } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import type { Script } from '../support/raw-upstream.js';

// However a request ends, its connection to the endpoint is free again or replaced. A gateway that
// loses one each time stands still after as many such requests as it may have connections.

/** What ends in time does so soon; what is to be answered has time for it on a busy machine. */
const ROUTES = `routes:
  - { prefix: /next, service: goods, tryTimeout: 1s }
  - { prefix: /, service: goods, tryTimeout: 150ms, idleTimeout: 150ms }
`;
const ONE_CONNECTION = 'services:\n  goods:\n    maxConnections: 1\n    maxWaiting: 1\n';
const GET = head('GET / HTTP/1.1', 'Host: a');
const POST_UNFINISHED = `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100')}half`;
const HALF = `${head('HTTP/1.1 200 OK', 'Content-Length: 8')}half`;
const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket'];
const HANDSHAKE = head('GET / HTTP/1.1', 'Host: a', ...UPGRADE, 'Sec-WebSocket-Key: eA==');

interface Ending {
  readonly request?: string;
  /** What the endpoint sends when it has the request's head. */
  readonly answer?: string;
  readonly how?: 'end' | 'reset' | 'client leaves';
}

const endings: Readonly<Record<string, Ending>> = {
  'no answer in time': {},
  'a reset before the answer': { how: 'reset' },
  'a FIN before the answer': { how: 'end' },
  rubbish: { answer: 'rubbish\r\n\r\n' },
  'a body cut by a FIN': { answer: HALF, how: 'end' },
  'a body cut by a reset': { answer: HALF, how: 'reset' },
  'a body to the end of the connection': { answer: `${head('HTTP/1.1 200 OK')}all`, how: 'end' },
  'a body to the end of the connection, cut by a reset': {
    answer: `${head('HTTP/1.1 200 OK')}half`,
    how: 'reset',
  },
  'a body that falls silent': { answer: HALF },
  'a malformed chunk': { answer: `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}zz\r\n` },
  'a 304 with a length': { answer: head('HTTP/1.1 304 Not Modified', 'Content-Length: 5') },
  'a 204 with a length': { answer: head('HTTP/1.1 204 No Content', 'Content-Length: 5') },
  'a 204 that closes': { answer: head('HTTP/1.1 204 No Content', 'Connection: close'), how: 'end' },
  'an answer to HEAD': {
    request: GET.replace('GET', 'HEAD'),
    answer: head('HTTP/1.1 200 OK', 'Content-Length: 5'),
  },
  'a bare 101': { answer: head('HTTP/1.1 101 Switching Protocols') },
  'more than was announced': { answer: `${ok('first')}more` },
  'an early answer': { request: POST_UNFINISHED, answer: ok() },
  'a client that leaves before the answer': { how: 'client leaves' },
  'a client that leaves inside the answer': { answer: HALF, how: 'client leaves' },
  'a client that leaves inside its body': { request: POST_UNFINISHED, how: 'client leaves' },
  'a refused WebSocket': { request: HANDSHAKE, answer: ok() },
  'a WebSocket the endpoint ends': {
    request: HANDSHAKE,
    answer: head('HTTP/1.1 101 Switching Protocols', ...UPGRADE),
    how: 'end',
  },
  'a WebSocket the client ends': {
    request: HANDSHAKE,
    answer: head('HTTP/1.1 101 Switching Protocols', ...UPGRADE),
    how: 'client leaves',
  },
  'a WebSocket without an answer': { request: HANDSHAKE },
};

/** Ends each request in its way, except those for `/next`, which are answered. */
function endingIn(ending: Ending, reached: () => void): Script {
  return async (connection) => {
    for (;;) {
      const { startLine } = await connection.requestHead();
      const isNext = startLine.includes('/next');
      const answer = isNext ? ok('next') : ending.answer;
      if (answer !== undefined) await connection.write(answer);
      if (!isNext) {
        if (ending.how === 'end') connection.end();
        if (ending.how === 'reset') connection.reset();
        reached();
      }
      if ((await connection.request()) === undefined) return;
    }
  };
}

for (const [what, ending] of Object.entries(endings)) {
  test(`a request that ends in ${what} costs no connection`, async (t) => {
    let reached = (): void => undefined;
    const { port, gateway } = await behindGateway(
      t,
      endingIn(ending, () => reached()),
      ROUTES + ONE_CONNECTION,
    );
    for (let turn = 0; turn < 3; turn += 1) {
      const atEndpoint = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const client = await RawClient.connect(port);
      t.after(() => client.destroy());
      await client.write(ending.request ?? GET);
      if (ending.how === 'client leaves') {
        await atEndpoint;
        client.destroy();
      } else
        await client.response({ toHead: ending.request?.startsWith('HEAD') === true }).catch(() => undefined);
      client.destroy();
      await gateway.record(turn * 2);
      const next = await RawClient.connect(port);
      t.after(() => next.destroy());
      await next.write(head('GET /next HTTP/1.1', 'Host: a'));
      const { status, body } = await next.response();
      assert.deepEqual([status, body.toString()], [200, 'next'], `after ${turn + 1}`);
      next.destroy();
      await gateway.record(turn * 2 + 1);
    }
  });
}
