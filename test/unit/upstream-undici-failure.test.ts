import { AssertionError } from 'node:assert';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errors } from 'undici';
import { AddressRefused, ConnectTimeout } from '../../src/upstream/socket.js';
import { failureOf } from '../../src/upstream/undici-failure.js';

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

describe('before the request was handed to a connection', () => {
  const UNREACHABLE = {
    refused: systemError('ECONNREFUSED'),
    unreachable: systemError('EHOSTUNREACH'),
    'a name that does not resolve': systemError('ENOTFOUND'),
    'no port left': systemError('EADDRNOTAVAIL'),
    'too slow': new ConnectTimeout('connect timeout'),
    'an address that is not allowed': new AddressRefused('address refused'),
    'closed as it was handed over': new errors.SocketError('other side closed'),
    'a connection already given up': new errors.ClientDestroyedError(),
  };
  for (const [what, error] of Object.entries(UNREACHABLE)) {
    test(`${what}: no connection could be made`, () => {
      assert.equal(failureOf(error, false), 'connect');
    });
  }
});

describe('after the request was sent, before a response', () => {
  const RESETS = {
    'closed by the endpoint': new errors.SocketError('other side closed'),
    'reset by the endpoint': systemError('ECONNRESET'),
    'a broken pipe': systemError('EPIPE'),
    'the network timed out': systemError('ETIMEDOUT'),
    'closed within a head': new errors.HTTPParserError('Not HTTP/1.1 (Invalid EOF state)'),
    'something nobody foresaw': new Error('surprise'),
  };
  for (const [what, error] of Object.entries(RESETS)) {
    test(`${what}: the connection broke`, () => {
      assert.equal(failureOf(error, true), 'reset');
    });
  }

  const INVALID = {
    'what the parser refuses': new errors.HTTPParserError('Invalid character'),
    'a head that is too large': new errors.HeadersOverflowError(),
    'a length that is not kept': new errors.ResponseContentLengthMismatchError(),
    'a response to a request that was no upgrade': new errors.SocketError('bad upgrade'),
    'an interim response out of place': new errors.SocketError('bad response'),
    'a protocol switched unasked': new AssertionError({ message: 'unexpected' }),
  };
  for (const [what, error] of Object.entries(INVALID)) {
    test(`${what}: the response is not valid HTTP`, () => {
      assert.equal(failureOf(error, true), 'bad-response');
    });
  }
});

describe('what is not the fault of the endpoint', () => {
  for (const sent of [false, true]) {
    test(`a request that undici refuses, ${sent ? 'sent' : 'not sent'}`, () => {
      for (const error of [new errors.InvalidArgumentError('bad'), new errors.NotSupportedError('no')]) {
        assert.equal(failureOf(error, sent), 'bad-request');
      }
    });

    test(`a client that broke off its body, ${sent ? 'sent' : 'not sent'}`, () => {
      for (const error of [
        new errors.RequestContentLengthMismatchError(),
        new errors.RequestAbortedError(),
      ]) {
        assert.equal(failureOf(error, sent), 'request-body');
      }
    });
  }
});

describe('within a response', () => {
  test('one that ends before its length broke off, a chunk that is none breaks the protocol', () => {
    assert.equal(failureOf(new errors.ResponseContentLengthMismatchError(), true, true), 'reset');
    const ended = new errors.HTTPParserError('Not HTTP/1.1 (Invalid EOF state)');
    assert.equal(failureOf(ended, true, true), 'reset');
    const chunk = new errors.HTTPParserError('Not HTTP/1.1 (Invalid character in chunk size)');
    assert.equal(failureOf(chunk, true, true), 'bad-response');
  });
});
