import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMoment } from '../../src/admin/dashboard/client/moment.js';
import { EMPTY_DRAFT, readQuestion, urlOnRoute } from '../../src/admin/dashboard/client/question.js';

/** A moment by the clock of whoever runs this. */
const at = (day: number, hour: number, minute: number, second = 0, ms = 0) =>
  new Date(2026, 0, day, hour, minute, second, ms).getTime();
const noon = at(2, 12, 0);

describe('a moment', () => {
  test('is so long ago', () => {
    assert.equal(readMoment('10m', noon), at(2, 11, 50));
    assert.equal(readMoment('1m30s ago', noon), at(2, 11, 58, 30));
  });

  test('is when the clock last showed a time, today or yesterday', () => {
    assert.equal(readMoment('11:47:00', noon), at(2, 11, 47));
    assert.equal(readMoment('9:05', noon), at(2, 9, 5));
    assert.equal(readMoment('11:47:00.25', noon), at(2, 11, 47, 0, 250));
    assert.equal(readMoment('23:59', noon), at(1, 23, 59));
  });

  test('is an ISO 8601 time, of the clock when it names no zone', () => {
    assert.equal(readMoment('2026-01-02T03:04:05.678Z', noon), Date.UTC(2026, 0, 2, 3, 4, 5, 678));
    assert.equal(readMoment('2026-01-02 11:47:00', noon), at(2, 11, 47));
  });

  test('is nothing else, whatever a lenient reader would make of it', () => {
    for (const text of ['', '5', 'yesterday', '24:00', '12:60', '10', '2026-13-45T00:00', 'Jan 2']) {
      assert.equal(readMoment(text, noon), undefined, text);
    }
  });
});

describe('a question in the form', () => {
  test('goes to the gateway as the API takes it, with what was left empty left out', () => {
    const draft = { method: ' post ', url: ' /goods?a=b&c ', headers: '', client: '', at: '' };
    const question = readQuestion(draft, noon);
    assert.ok('query' in question);
    assert.deepEqual(
      [...question.query],
      [
        ['method', 'POST'],
        ['url', '/goods?a=b&c'],
      ],
    );
  });

  test('knows in which line each header stands', () => {
    const headers = '\nHost: shop.example\r\n\r\n  X-One: 1  \n';
    const question = readQuestion({ ...EMPTY_DRAFT, url: '/', headers }, noon);
    assert.ok('query' in question);
    assert.deepEqual(question.query.getAll('header'), ['Host: shop.example', 'X-One: 1']);
    assert.deepEqual(question.lines, [2, 4]);
  });

  test('has its client, and its moment in milliseconds', () => {
    const question = readQuestion({ ...EMPTY_DRAFT, url: '/', client: '10.0.0.9', at: '10m' }, noon);
    assert.ok('query' in question);
    assert.equal(question.query.get('client'), '10.0.0.9');
    assert.equal(question.query.get('at'), String(at(2, 11, 50)));
  });

  test('is not asked when nobody can tell which moment is meant', () => {
    const question = readQuestion({ ...EMPTY_DRAFT, url: '/', at: 'yesterday' }, noon);
    assert.ok('text' in question);
    assert.equal(question.field, 'at');
    assert.match(question.text, /^The moment is neither a time such as 11:47:00, /);
  });

  test('begins with what a route matches', () => {
    assert.equal(urlOnRoute({ host: null, prefix: '/goods' }), '/goods');
    assert.equal(urlOnRoute({ host: 'shop.example', prefix: '/' }), 'http://shop.example/');
    assert.equal(urlOnRoute({ host: '*.shop.example', prefix: '/a' }), 'http://any.shop.example/a');
  });
});
