import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { EtcdError, malformedAnswer, toEtcdError, watchRefusal } from '../../src/etcd/errors.js';
import { Token } from '../../src/etcd/token.js';

function grpcError(code: status, details: string): Error {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details });
}

for (const [code, details, fault] of [
  [status.UNAVAILABLE, 'No connection established', 'unavailable'],
  [status.UNAVAILABLE, 'etcdserver: no leader', 'unavailable'],
  [status.UNAVAILABLE, 'etcdserver: leader changed', 'unavailable'],
  [status.UNKNOWN, 'etcdserver: request timed out', 'unavailable'],
  [status.INTERNAL, 'Received RST_STREAM with code 2', 'unavailable'],
  [status.DEADLINE_EXCEEDED, 'Deadline exceeded after 2.000s', 'deadline'],
  [status.UNAUTHENTICATED, 'etcdserver: invalid auth token', 'unauthenticated'],
  [status.INVALID_ARGUMENT, 'etcdserver: revision of auth store is old', 'unauthenticated'],
  [status.INVALID_ARGUMENT, 'etcdserver: user name is empty', 'unauthenticated'],
  [status.PERMISSION_DENIED, 'etcdserver: permission denied', 'denied'],
  [status.INVALID_ARGUMENT, 'etcdserver: authentication failed, invalid user ID or password', 'denied'],
  [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted', 'compacted'],
  [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision is a future revision', 'compacted'],
  [status.NOT_FOUND, 'etcdserver: requested lease not found', 'not-found'],
  [status.CANCELLED, 'Cancelled on client', 'closed'],
  [status.INTERNAL, 'Response message parsing error: malformed answer to KV/Range: no', 'malformed'],
  [status.UNIMPLEMENTED, 'unknown service etcdserverpb.KV', 'other'],
] as const) {
  test(`${status[code]} "${details}" is ${fault}`, () => {
    assert.equal(toEtcdError(grpcError(code, details)).fault, fault);
  });
}

test('a refused watch carries its error as text', () => {
  const cases = {
    'rpc error: code = PermissionDenied desc = etcdserver: permission denied': 'denied',
    'rpc error: code = Unauthenticated desc = etcdserver: invalid auth token': 'unauthenticated',
    'etcdserver: no leader': 'unavailable',
    '': 'other',
  };
  for (const [reason, fault] of Object.entries(cases)) assert.equal(watchRefusal(reason).fault, fault);
});

test('the message is the reason, without what grpc-js puts around it', () => {
  const details =
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1 (2026-01-01T00:00:00.000Z). Resolution note: ';
  assert.equal(
    toEtcdError(grpcError(status.UNAVAILABLE, details)).message,
    'connect ECONNREFUSED 127.0.0.1:1',
  );
});

test('an answer that cannot be read is told of in our own words', () => {
  const { message } = malformedAnswer('/etcdserverpb.KV/Range', new Error('there is no header, at byte 0'));
  assert.equal(message, 'malformed answer to KV/Range: there is no header, at byte 0');
  const fromGrpc = grpcError(status.INTERNAL, `Response message parsing error: ${message}`);
  assert.equal(toEtcdError(fromGrpc).message, message);
});

test('what is no gRPC error keeps its message', () => {
  assert.equal(toEtcdError(new Error('strange')).message, 'strange');
  assert.equal(toEtcdError('text').fault, 'other');
  const error = new EtcdError('denied', 'no');
  assert.equal(toEtcdError(error), error);
});

test('a deadline reads the same each time, however long it took', () => {
  const details =
    'Deadline exceeded after 2.010s,name resolution: 0.054s,LB pick: 0.117s,remote_addr=127.0.0.1:1';
  assert.equal(toEtcdError(grpcError(status.DEADLINE_EXCEEDED, details)).message, 'Deadline exceeded');
});

test('many callers share one authentication', async () => {
  let asked = 0;
  const token = new Token();
  const authenticate = async (): Promise<string> => `token-${++asked}`;
  assert.deepEqual(
    await Promise.all([token.get(authenticate), token.get(authenticate), token.get(authenticate)]),
    ['token-1', 'token-1', 'token-1'],
  );
});

test('many calls that were refused with one token get one new token between them', async () => {
  let asked = 0;
  const token = new Token();
  const authenticate = async (): Promise<string> => `token-${++asked}`;
  const refused = token.get(authenticate);
  await refused;
  for (let caller = 0; caller < 3; caller++) token.forget(refused);
  const renewed = token.get(authenticate);
  token.forget(refused);
  assert.equal(await renewed, 'token-2');
  assert.equal(await token.get(authenticate), 'token-2');
});

test('a failed authentication is tried again by the next call', async () => {
  let asked = 0;
  const token = new Token();
  const authenticate = async (): Promise<string> => {
    asked += 1;
    if (asked === 1) throw grpcError(status.UNAVAILABLE, 'no connection');
    return 'token';
  };
  await assert.rejects(token.get(authenticate), { fault: 'unavailable' });
  assert.equal(await token.get(authenticate), 'token');
});

test('a cluster without authentication is used without a token', async () => {
  const token = new Token();
  const authenticate = async (): Promise<string> => {
    throw grpcError(status.FAILED_PRECONDITION, 'etcdserver: authentication is not enabled');
  };
  assert.equal(await token.get(authenticate), undefined);
});

test('an authentication that took too long is given twice as long, until one succeeds', async () => {
  const token = new Token();
  const patience: number[] = [];
  const authenticate = async (patienceMs: number): Promise<string> => {
    patience.push(patienceMs);
    if (patience.length < 6) throw grpcError(status.DEADLINE_EXCEEDED, 'deadline exceeded');
    return 'token';
  };
  for (let tries = 0; tries < 5; tries++) {
    await assert.rejects(token.get(authenticate), { fault: 'deadline' });
  }
  const got = token.get(authenticate);
  assert.equal(await got, 'token');
  token.forget(got);
  await token.get(authenticate);
  assert.deepEqual(patience, [4_000, 8_000, 16_000, 32_000, 32_000, 32_000, 4_000]);
});
