import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration, parseSize } from '../../src/config/units.js';

test('durations are read as milliseconds', () => {
  const read = {
    '300ms': 300,
    '5s': 5000,
    '1m': 60_000,
    '2h': 7_200_000,
    '1.5s': 1500,
    '1m30s': 90_000,
    '0s': 0,
  };
  for (const [text, milliseconds] of Object.entries(read))
    assert.equal(parseDuration(text), milliseconds, text);
});

test('what has no unit, an unknown one, a sign or a space is no duration', () => {
  for (const text of [
    '',
    '5',
    's',
    '5 s',
    '-5s',
    '+5s',
    '5S',
    '5d',
    '1e3s',
    '.5s',
    '5s ',
    '5sms1',
    'Infinity',
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test('sizes are read as bytes, in binary units only', () => {
  const read = {
    '0B': 0,
    '512B': 512,
    '64KiB': 65_536,
    '10MiB': 10_485_760,
    '1GiB': 1_073_741_824,
    '1.5KiB': 1536,
  };
  for (const [text, bytes] of Object.entries(read)) assert.equal(parseSize(text), bytes, text);
  for (const text of ['', '10', '10MB', '10M', '10mib', '-1KiB', '1 KiB', 'KiB']) {
    assert.equal(parseSize(text), undefined, text);
  }
});
