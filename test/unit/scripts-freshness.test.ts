import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { installedMatchesLock, newestChange, stampedAt } from '../../scripts/freshness.mjs';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watchgate-freshness-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text = ''): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** Sets the time of last change, in milliseconds since the epoch. */
function date(path: string, ms: number): void {
  utimesSync(join(folder, path), ms / 1000, ms / 1000);
}

describe('the newest change below some paths', () => {
  test('is that of the newest file, however deep', () => {
    write('src/a.ts');
    write('src/deep/er/b.ts');
    for (const path of ['src/a.ts', 'src/deep/er', 'src/deep', 'src']) date(path, 1_000_000);
    date('src/deep/er/b.ts', 5_000_000);
    assert.equal(newestChange([join(folder, 'src')]), 5_000_000);
  });

  test('is that of a folder that a file was deleted from', () => {
    write('src/a.ts');
    date('src/a.ts', 1_000_000);
    date('src', 3_000_000);
    assert.equal(newestChange([join(folder, 'src')]), 3_000_000);
  });

  test('does not count what is in node_modules', () => {
    write('examples/node_modules/x/index.js');
    date('examples/node_modules/x/index.js', 9_000_000);
    date('examples', 2_000_000);
    assert.equal(newestChange([join(folder, 'examples')]), 2_000_000);
  });

  test('is 0 when there is nothing', () => {
    assert.equal(newestChange([join(folder, 'absent')]), 0);
  });
});

describe('a build', () => {
  test('is finished when its stamp holds a time', () => {
    assert.equal(stampedAt(write('dist/.built', '1700000000000\n')), 1_700_000_000_000);
  });

  test('is not finished without a stamp, or with one that was cut short', () => {
    assert.equal(stampedAt(join(folder, 'absent')), undefined);
    assert.equal(stampedAt(write('dist/.built')), undefined);
  });
});

describe('what is installed', () => {
  const wanted = { version: '1.2.3', integrity: 'sha512-a' };

  function lock(packages: Record<string, object>): void {
    write('package-lock.json', JSON.stringify({ packages: { '': { name: 'watchgate' }, ...packages } }));
  }

  function installed(packages: Record<string, object>): void {
    write('node_modules/.package-lock.json', JSON.stringify({ packages }));
  }

  test('matches the lock file when both name the same packages', () => {
    lock({ 'node_modules/a': wanted });
    installed({ 'node_modules/a': wanted });
    assert.equal(installedMatchesLock(folder), true);
  });

  test('matches without the optional packages of other platforms', () => {
    lock({ 'node_modules/a': wanted, 'node_modules/a-darwin': { ...wanted, optional: true } });
    installed({ 'node_modules/a': wanted });
    assert.equal(installedMatchesLock(folder), true);
  });

  for (const [difference, packages] of Object.entries({
    'lacks a package': {},
    'has another version': { 'node_modules/a': { ...wanted, version: '1.2.4' } },
    'has other contents under the same version': { 'node_modules/a': { ...wanted, integrity: 'sha512-b' } },
    'has a package too many': { 'node_modules/a': wanted, 'node_modules/b': wanted },
  })) {
    test(`does not match when it ${difference}`, () => {
      lock({ 'node_modules/a': wanted });
      installed(packages);
      assert.equal(installedMatchesLock(folder), false);
    });
  }

  test('does not match when node_modules is absent, or an install was interrupted', () => {
    lock({ 'node_modules/a': wanted });
    assert.equal(installedMatchesLock(folder), false);
    write('node_modules/a/index.js');
    assert.equal(installedMatchesLock(folder), false);
  });
});
