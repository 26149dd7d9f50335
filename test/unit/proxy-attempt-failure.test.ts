import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classify } from '../../src/proxy/attempt-failure.js';

test('before a response had begun, each failure has a cause and an outcome of its own', () => {
  assert.deepEqual(classify('connect', false), { cause: 'CONNECT_FAILED', outcome: 'connect-failed' });
  assert.deepEqual(classify('reset', false), { cause: 'UPSTREAM_RESET', outcome: 'reset' });
  assert.deepEqual(classify('partial', false), { cause: 'UPSTREAM_RESET', outcome: 'reset' });
  assert.deepEqual(classify('bad-response', false), {
    cause: 'BAD_UPSTREAM_RESPONSE',
    outcome: 'bad-response',
  });
});

test('once a response had begun, it was cut short, and the cause says why', () => {
  assert.deepEqual(classify('reset', true), { cause: 'UPSTREAM_RESET', outcome: 'truncated' });
  assert.deepEqual(classify('bad-response', true), { cause: 'BAD_UPSTREAM_RESPONSE', outcome: 'truncated' });
});

test('what is not the fault of the endpoint is not held against it', () => {
  for (const headReceived of [false, true]) {
    assert.deepEqual(classify('bad-request', headReceived), { cause: 'BAD_REQUEST', outcome: 'abandoned' });
    assert.deepEqual(classify('request-body', headReceived), { cause: 'CLIENT_GONE', outcome: 'abandoned' });
  }
});
