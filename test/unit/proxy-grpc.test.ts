import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causes } from '../../src/core/causes.js';
import { readGrpcTimeout, writeGrpcTimeout } from '../../src/proxy/grpc/deadline.js';
import {
  failureTrailers,
  httpStatusOf,
  isGrpcCall,
  isServerError,
  readGrpcStatus,
} from '../../src/proxy/grpc/status.js';

// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

test('a grpc-timeout is up to eight digits and a unit, and anything else is none', () => {
  const read: readonly [string, number | undefined][] = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['4m', 4],
    ['5000u', 5],
    ['6000000n', 6],
    ['99999999S', 99_999_999_000],
    ['100000000m', undefined],
    ['1h', undefined],
    ['-1S', undefined],
    ['1.5S', undefined],
    ['', undefined],
  ];
  for (const [text, milliseconds] of read) assert.equal(readGrpcTimeout(text), milliseconds, text);
  assert.equal(readGrpcTimeout(undefined), undefined);
});

test('a grpc-timeout is written in the finest unit that it fits, never as 0 and never as more', () => {
  assert.equal(writeGrpcTimeout(1.5), '1500u');
  assert.equal(writeGrpcTimeout(0), '1u');
  assert.equal(writeGrpcTimeout(99_999), '99999000u');
  assert.equal(writeGrpcTimeout(100_000), '100000m');
  assert.equal(writeGrpcTimeout(99_999_999_500), '99999999S');
  for (const milliseconds of [0.7, 12, 3_456, 7.89e6, 5e8, 4e11, 9e13]) {
    const written = readGrpcTimeout(writeGrpcTimeout(milliseconds)) ?? Number.NaN;
    assert.ok(written <= milliseconds && written > milliseconds * 0.98, String(milliseconds));
  }
});

test('a grpc-status is read as what it means in HTTP, and what is none is UNKNOWN', () => {
  assert.equal(httpStatusOf(readGrpcStatus('0')), 200);
  assert.equal(httpStatusOf(readGrpcStatus('14')), 503);
  for (const nonsense of ['', '17', '-1', '0x0', '1e1', '14, 14'])
    assert.equal(readGrpcStatus(nonsense), 2, nonsense);
  assert.deepEqual(Array.from({ length: 17 }, (_, code) => code).filter(isServerError), [2, 13, 14, 15]);
});

test('every cause has a status, and its message can be sent as a header', () => {
  for (const cause of Object.keys(causes) as (keyof typeof causes)[]) {
    const [[, code], [, message]] = failureTrailers(cause) as [[string, string], [string, string]];
    assert.ok(Number(code) > 0 && Number(code) < 17, cause);
    assert.match(message, /^[\x20-\x7e]+$/, cause);
  }
});

test('a call of gRPC is told by its content-type', () => {
  for (const type of [
    'application/grpc',
    'application/grpc+proto',
    'application/grpc;charset=utf-8',
    'Application/GRPC',
  ])
    assert.ok(isGrpcCall(type), type);
  for (const type of [undefined, 'application/json', 'application/grpc-web', 'application/grpcx'])
    assert.ok(!isGrpcCall(type), type);
});
