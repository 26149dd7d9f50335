import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { type Call, connectionUnderTest } from '../support/connection-under-test.js';
import { chunked, head, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, rawUpstream, type Script } from '../support/raw-upstream.js';
import { listenOnLoopback, PATIENCE_MS } from '../support/wire.js';

async function endpoint(t: TestContext, script?: Script): Promise<RawUpstream> {
  const upstream = await rawUpstream(script);
  t.after(() => upstream.close());
  return upstream;
}

/** A port that refuses connections. */
async function refusingPort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('connecting', () => {
  test('a refused connection fails before anything was sent', async (t) => {
    const { send, said, story } = connectionUnderTest(t, await refusingPort());
    const body = new Readable({ read: () => undefined });
    send({ method: 'POST', body });
    await said('failure connect');
    assert.equal(story(), 'closed, failure connect');
    assert.ok(body.destroyed);
  });

  test('a connection that takes too long fails, and its socket is given up', async (t) => {
    const { port } = await endpoint(t);
    const due: (() => void)[] = [];
    const after = (_delayMs: number, task: () => void) => {
      due.push(task);
      return { cancel: () => void due.splice(0) };
    };
    const { send, story } = connectionUnderTest(t, port, { clock: { ...systemClock, after } });
    send();
    for (const task of [...due]) task();
    assert.equal(story(), 'closed, failure connect');
    assert.deepEqual(due, []);
  });

  test('a name that resolves to an address that is not allowed is not connected to', async (t) => {
    const upstream = await endpoint(t);
    const { send, said, story } = connectionUnderTest(t, upstream.port, {
      host: 'localhost',
      allows: () => false,
    });
    send();
    await said('failure connect');
    assert.equal(story(), 'closed, failure connect');
    assert.equal(upstream.connections.length, 0);
  });

  test('one that is destroyed meanwhile says nothing, and leaves no timer and no body', async (t) => {
    const { port } = await endpoint(t);
    const { connection, clock, send, calls } = connectionUnderTest(t, port);
    const body = new Readable({ read: () => undefined });
    send({ method: 'POST', body });
    assert.equal(clock.pending, 1);
    connection.destroy();
    await once(body, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) });
    assert.equal(clock.pending, 0);
    assert.deepEqual(calls, []);
  });

  test('a request whose head would break out of its line is refused before anything was sent', async (t) => {
    const upstream = await endpoint(t);
    const { send, said, story } = connectionUnderTest(t, upstream.port);
    const body = new Readable({ read: () => undefined });
    send({ method: 'POST', target: '/a b', body });
    await said('failure bad-request');
    assert.equal(story(), 'closed, failure bad-request');
    assert.ok(body.destroyed);
    const connection = await upstream.connection();
    await connection.closed();
    assert.equal(connection.count, 0);
  });
});

describe('a kept connection', () => {
  test('carries one request after another, and says so before each ends', async (t) => {
    const upstream = await endpoint(
      t,
      answering((_request, index) => ok(`answer ${index}`)),
    );
    const { connection, send, said, story, calls } = connectionUnderTest(t, upstream.port);
    for (let turn = 0; turn < 3; turn += 1) {
      const exchange = send();
      await said('end', turn);
      assert.equal(exchange.content(), `answer ${turn}`);
      assert.equal(connection.reused, turn > 0);
    }
    assert.equal(story(), Array(3).fill('sent, head, data, idle, end').join(', '));
    assert.equal(calls.length, 15);
    assert.equal(upstream.connections.length, 1);
  });

  test('may be used again from within what it calls when it is free', async (t) => {
    for (const within of ['idle', 'end'] as const) {
      const upstream = await endpoint(
        t,
        answering((_request, index) => ok(`answer ${index}`)),
      );
      const { send, said, story } = connectionUnderTest(t, upstream.port);
      let second: ReturnType<typeof send> | undefined;
      send({}, (call) => {
        if (call === within) second ??= send();
      });
      await said('end', 1);
      assert.equal(second?.content(), 'answer 1');
      assert.equal(story(), 'sent, head, data, idle, end, sent, head, data, idle, end');
    }
  });

  test('that the endpoint closes while it is idle is given up, and nobody else is told', async (t) => {
    for (const how of ['end', 'reset'] as const) {
      const upstream = await endpoint(t);
      const { send, said, story } = connectionUnderTest(t, upstream.port);
      send();
      await said('end');
      (await upstream.connection())[how]();
      await said('closed');
      assert.equal(story(), 'sent, head, data, idle, end, closed');
    }
  });

  const hints: Readonly<Record<string, number | undefined>> = {
    'X-No: hint': 30_000,
    'Keep-Alive: timeout=5': 4000,
    'Keep-Alive: timeout=60': 30_000,
    'Keep-Alive: timeout=1': undefined,
    'Keep-Alive: timeout=0': undefined,
    'Connection: close': undefined,
  };
  for (const [field, until] of Object.entries(hints)) {
    test(`with ${field} is ${until === undefined ? 'closed' : `kept for ${until} ms`}`, async (t) => {
      const { port } = await endpoint(t, answering(ok('a', field)));
      const { connection, send, said, story } = connectionUnderTest(t, port);
      send();
      await said('end');
      assert.equal(story(), `sent, head, data, ${until === undefined ? 'closed' : 'idle'}, end`);
      if (until !== undefined) assert.equal(connection.idleUntil, until);
    });
  }

  test('is closed for bytes that nobody asked for, with the response or behind it', async (t) => {
    const upstream = await endpoint(t, answering(`${ok('a')}HTTP/1.1 200 OK\r\n\r\n`));
    const first = connectionUnderTest(t, upstream.port);
    first.send();
    await first.said('closed');
    assert.equal(first.story(), 'sent, head, data, closed, end');
    const later = await endpoint(t);
    const second = connectionUnderTest(t, later.port);
    second.send();
    await second.said('idle');
    await (await later.connection()).write('\r\n');
    await second.said('closed');
    assert.equal(second.story(), 'sent, head, data, idle, end, closed');
  });

  test('carries thousands of requests without growing', async (t) => {
    const upstream = await endpoint(t, echoing);
    const { send, said } = connectionUnderTest(t, upstream.port);
    const warnings: Error[] = [];
    const warned = (warning: Error): number => warnings.push(warning);
    process.on('warning', warned);
    t.after(() => process.off('warning', warned));
    for (let turn = 0; turn < 2000; turn += 1) {
      const body = turn % 4 === 0 ? Readable.from([Buffer.from('ab')]) : undefined;
      send({ method: 'POST', body });
      await said('end', turn);
    }
    assert.deepEqual(warnings, [], 'a listener for each request would be warned of');
    assert.equal(upstream.connections.length, 1);
  });
});

/** Answers each head without looking at what came with it. */
const echoing: Script = ({ socket }) => {
  socket.on('data', (bytes: Buffer) => {
    if (bytes.includes('HTTP/1.1')) socket.write(ok('a'));
  });
};

describe('the end of a response', () => {
  type Ending = 'end' | 'reset';
  const CHUNKED = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
  const breaks: readonly [what: string, sent: string, ending: Ending, story: string][] = [
    ['FIN before a response', '', 'end', 'sent, closed, failure reset'],
    ['a reset before a response', '', 'reset', 'sent, closed, failure reset'],
    ['FIN within a head', 'HTTP/1.1 200', 'end', 'sent, closed, failure partial'],
    ['a reset within a head', 'HTTP/1.1 200', 'reset', 'sent, closed, failure partial'],
    ['FIN after a 100', head('HTTP/1.1 100 Continue'), 'end', 'sent, closed, failure partial'],
    ['FIN within a length', ok('abc').slice(0, -1), 'end', 'sent, head, data, closed, failure reset'],
    ['a reset within a length', ok('abc').slice(0, -1), 'reset', 'sent, head, data, closed, failure reset'],
    ['FIN within chunks', `${CHUNKED}1\r\na\r\n`, 'end', 'sent, head, data, closed, failure reset'],
    [
      'FIN within trailers',
      `${CHUNKED}1\r\na\r\n0\r\nX: y\r\n`,
      'end',
      'sent, head, data, closed, failure reset',
    ],
    ['FIN where that is the end', `${head('HTTP/1.1 200 OK')}abc`, 'end', 'sent, head, data, closed, end'],
    [
      'a reset where FIN is the end',
      `${head('HTTP/1.1 200 OK')}abc`,
      'reset',
      'sent, head, data, closed, failure reset',
    ],
  ];
  for (const [what, sent, ending, story] of breaks) {
    test(`${what}: ${story.split(', ').at(-1)}`, async (t) => {
      const upstream = await endpoint(t);
      const under = connectionUnderTest(t, upstream.port);
      const exchange = under.send({ method: 'POST', body: new Readable({ read: () => undefined }) });
      const connection = await upstream.connection();
      await connection.requestHead();
      await connection.write(sent);
      if (story.includes('data')) await under.said('data');
      connection[ending]();
      await under.said('closed');
      assert.equal(under.story(), story);
      if (story.endsWith('end')) assert.equal(exchange.content(), 'abc');
    });
  }

  test('a switch of protocols, or 1xx without end, is a bad response', async (t) => {
    const hint = head('HTTP/1.1 103 Early Hints', `Link: ${'a'.repeat(1000)}`);
    for (const answer of [head('HTTP/1.1 101 Switching Protocols'), hint.repeat(20)]) {
      const { port } = await endpoint(t, answering(answer));
      const { send, said, calls } = connectionUnderTest(t, port);
      send();
      await said('failure bad-response');
      assert.ok(calls.length < 20);
      assert.deepEqual(calls.slice(-2), ['closed', 'failure bad-response']);
    }
  });

  const interim = head('HTTP/1.1 103 Early Hints');
  const whole = interim + CHUNKED + chunked(['a', 'b', 'c'], ['X: y']);
  for (const where of ['sent', 'information', 'head', 'data'] satisfies Call[]) {
    for (const failure of [undefined, 'reset'] as const) {
      test(`destroyed within ${where}${failure === undefined ? '' : ' with a failure'}: nothing more is said`, async (t) => {
        const upstream = await endpoint(t, answering(whole));
        const { connection, send, story } = connectionUnderTest(t, upstream.port);
        send({}, (call) => {
          if (call === where) connection.destroy(failure);
        });
        await (await upstream.connection()).closed();
        const told = ['sent', 'information', 'head', 'data'];
        const until = told.slice(0, told.indexOf(where) + 1).join(', ');
        assert.equal(story(), failure === undefined ? until : `${until}, failure reset`);
      });
    }
  }

  for (const where of ['idle', 'end'] satisfies Call[]) {
    test(`destroyed within ${where}: the response is whole, and the connection closed`, async (t) => {
      const upstream = await endpoint(t, answering(whole));
      const { connection, send, story } = connectionUnderTest(t, upstream.port);
      const exchange = send({}, (call) => {
        if (call === where) connection.destroy('reset');
      });
      await (await upstream.connection()).closed();
      assert.equal(story(), 'sent, information, head, data, idle, end');
      assert.deepEqual(exchange.trailers, ['X', 'y']);
      assert.deepEqual(exchange.statuses, [103, 200]);
    });
  }
});
