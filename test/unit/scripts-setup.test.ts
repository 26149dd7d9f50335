import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installedMatchesLock } from '../../scripts/freshness.mjs';
import { isAtLeast, root } from '../../scripts/setup.mjs';

test('versions are compared number by number, not as text', () => {
  assert.equal(isAtLeast('20.18.1', '20.18.1'), true);
  assert.equal(isAtLeast('20.20.0', '20.18.1'), true);
  assert.equal(isAtLeast('24.0.0', '20.18.1'), true);
  assert.equal(isAtLeast('20.18.0', '20.18.1'), false);
  assert.equal(isAtLeast('20.9.0', '20.18.1'), false);
  assert.equal(isAtLeast('18.20.8', '20.18.1'), false);
});

test('the dependencies that this very run uses are taken for installed', () => {
  assert.equal(installedMatchesLock(root), true);
});
