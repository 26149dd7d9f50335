import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggestion } from '../../src/core/suggestion.js';

const KNOWN = ['listen', 'admin', 'routes', 'maxBody'];

test('the nearest known word is suggested, whatever its case', () => {
  for (const [word, meant] of [
    ['rotes', 'routes'],
    ['Routes', 'routes'],
    ['lsiten', 'listen'],
    ['maxbody', 'maxBody'],
    ['admins', 'admin'],
  ] as const)
    assert.equal(suggestion(word, KNOWN), `; did you mean "${meant}"?`);
});

test('what is near to none gets them all, and nothing when there is none', () => {
  assert.equal(suggestion('timeouts', KNOWN), '; known here: listen, admin, routes, maxBody');
  assert.equal(suggestion('rotes', []), '');
});

test('a word may differ by two letters, a long one by a third of its own', () => {
  assert.match(suggestion('ab', ['abcd']), /did you mean/);
  assert.match(suggestion('ab', ['abcde']), /known here/);
  assert.match(suggestion('ejectionxxxx', ['ejection']), /did you mean/);
  assert.match(suggestion('ejectionxxxxx', ['ejection']), /known here/);
});
