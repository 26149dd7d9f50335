import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventHub, type RequestRecord } from '../../src/core/events.js';
import { createRecorder } from '../../src/observability/recorder.js';

const traceOf = (digit: number): string => digit.toString(16).padStart(32, '0');

const request = (over: Partial<RequestRecord> = {}): RequestRecord => ({
  traceId: traceOf(1),
  at: 1_000,
  method: 'GET',
  path: '/goods/list',
  route: '/goods',
  service: 'goods',
  endpoint: '10.0.0.5:80',
  status: 200,
  cause: undefined,
  attempts: 1,
  durationMs: 12,
  upstreamMs: 11,
  bytesIn: 0,
  bytesOut: 2,
  client: '10.0.0.1',
  tries: [],
  ...over,
});

test('remembers every failure of the gateway and of the endpoints, and says which it is', () => {
  const hub = new EventHub();
  const recorder = createRecorder(hub);
  hub.announce('request', request({ traceId: traceOf(1), status: 502, cause: 'CONNECT_FAILED' }));
  hub.announce('request', request({ traceId: traceOf(2), status: 500 }));
  hub.announce('request', request({ traceId: traceOf(3), status: 413, cause: 'PAYLOAD_TOO_LARGE' }));
  assert.deepEqual(
    [1, 2, 3].map((digit) => recorder.find(traceOf(digit)).map(({ kept }) => kept)),
    [['failed'], ['failed'], ['refused']],
  );
  assert.equal(recorder.failures(10).length, 3);
});

test('of the rest keeps a sample that does not grow with the load', () => {
  const hub = new EventHub();
  const recorder = createRecorder(hub, { sampleEveryMs: 100 });
  for (let ms = 0; ms < 1_000; ms += 1) hub.announce('request', request({ at: 5_000 + ms }));
  hub.announce('request', request({ at: 6_000, status: 404, cause: 'NO_ROUTE' }));
  const kept = recorder.find(traceOf(1));
  assert.deepEqual(
    kept.map(({ at }) => at),
    [5_000, 5_100, 5_200, 5_300, 5_400, 5_500, 5_600, 5_700, 5_800, 5_900, 6_000],
  );
  assert.ok(kept.every((one) => one.kept === 'sampled'));
  assert.deepEqual(recorder.failures(10), []);
});

test('goes on sampling when the clock is set back', () => {
  const hub = new EventHub();
  const recorder = createRecorder(hub);
  hub.announce('request', request({ at: 9_000_000 }));
  hub.announce('request', request({ at: 5_000 }));
  assert.deepEqual(
    recorder.find(traceOf(1)).map(({ at }) => at),
    [5_000, 9_000_000],
  );
});

test('holds a bounded number, and bad requests do not push out the 5xx', () => {
  const hub = new EventHub();
  const recorder = createRecorder(hub, { failed: 3, refused: 2 });
  for (let at = 1; at <= 5; at += 1)
    hub.announce('request', request({ at, status: 503, cause: 'NO_ENDPOINT' }));
  for (let at = 6; at <= 9; at += 1)
    hub.announce('request', request({ at, status: 400, cause: 'BAD_REQUEST' }));
  assert.deepEqual(
    recorder.failures(10).map(({ at }) => at),
    [3, 4, 5, 8, 9],
  );
  assert.deepEqual(
    recorder.failures(2).map(({ at }) => at),
    [8, 9],
  );
});

test('cuts a path that is out of all proportion', () => {
  const hub = new EventHub();
  const recorder = createRecorder(hub);
  hub.announce('request', request({ status: 500, path: `/${'x'.repeat(60_000)}` }));
  assert.equal(recorder.find(traceOf(1))[0]?.path, `/${'x'.repeat(1_023)}…`);
});

test('hears nothing after it was closed, and what it had stays', () => {
  const hub = new EventHub();
  const recorder = createRecorder(hub);
  hub.announce('request', request({ status: 500 }));
  recorder.close();
  hub.announce('request', request({ status: 500 }));
  assert.equal(recorder.find(traceOf(1)).length, 1);
});
