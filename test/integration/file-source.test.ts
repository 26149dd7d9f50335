import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createFileSource } from '../../src/discovery/file/source.js';
import { hastyClock } from '../support/hasty-clock.js';
import { WatchedSource } from '../support/watched-source.js';

interface Followed {
  readonly path: string;
  readonly watched: WatchedSource;
}

/** A source that follows a file of this text; undefined for no file yet. */
async function follow(t: TestContext, text?: string): Promise<Followed> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-file-source-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.yaml');
  if (text !== undefined) await writeFile(path, text);
  const watched = new WatchedSource(t, (announce) =>
    createFileSource({ name: 'main', path, clock: hastyClock, announce }),
  );
  watched.source.start();
  return { path, watched };
}

const ONE = 'services:\n  goods:\n    - 10.0.0.1:80\n';
const BOTH = `${ONE}    - 10.0.0.2:80\n`;
const listed = (...goods: string[]) => ({ goods });

test('an edit in place is taken', async (t) => {
  const { path, watched } = await follow(t, ONE);
  await watched.untilListed(listed('10.0.0.1:80'));
  await writeFile(path, BOTH);
  await watched.untilListed(listed('10.0.0.1:80', '10.0.0.2:80'));
});

test('an atomic rename is taken, time after time', async (t) => {
  const { path, watched } = await follow(t, ONE);
  for (const host of ['10.0.0.2', '10.0.0.3', '10.0.0.4']) {
    await writeFile(`${path}.new`, `services: { goods: ['${host}:80'] }`);
    await rename(`${path}.new`, path);
    await watched.untilListed(listed(`${host}:80`));
  }
});

test('an empty file, as it is while somebody writes it, takes no endpoint away', async (t) => {
  const { path, watched } = await follow(t, BOTH);
  await watched.untilListed(listed('10.0.0.1:80', '10.0.0.2:80'));
  await writeFile(path, '');
  await watched.until('the mistake is shown', () => watched.source.view().lastError !== null);
  assert.deepEqual(watched.listed, listed('10.0.0.1:80', '10.0.0.2:80'));
  assert.equal(watched.snapshots.length, 1);
});

test('a mistake is shown with its line and column, and gone when it is mended', async (t) => {
  const { path, watched } = await follow(t, ONE);
  await watched.untilListed(listed('10.0.0.1:80'));
  await writeFile(path, `${ONE}    - 10.0.0.2\n`);
  await watched.until('the mistake is shown', () => watched.source.view().lastError !== null);
  const message = `${path}:4:7: services.goods[1]: "10.0.0.2" has no :port`;
  assert.equal(watched.source.view().lastError, message);
  assert.equal(watched.source.view().connected, false);
  assert.deepEqual(
    watched.events.map(({ kind, detail }) => [kind, detail]),
    [
      ['connected', path],
      ['disconnected', message],
    ],
  );
  await writeFile(path, BOTH);
  await watched.untilListed(listed('10.0.0.1:80', '10.0.0.2:80'));
  assert.deepEqual([watched.source.view().lastError, watched.source.view().connected], [null, true]);
});

test('a file of a hundred mistakes names ten', async (t) => {
  const { watched } = await follow(t, `services: { goods: [${Array(100).fill('x').join()}] }`);
  await watched.until('a fault is told', () => watched.events.length > 0);
  const { lastError } = watched.source.view();
  assert.equal(lastError?.split('; ').length, 11);
  assert.match(lastError ?? '', /; and 90 more$/);
});

test('a file that goes away leaves its list, and one that is not there yet is waited for', async (t) => {
  const { path, watched } = await follow(t);
  await watched.until('a fault is told', () => watched.events.some(({ kind }) => kind === 'fault'));
  assert.match(watched.source.view().lastError ?? '', /cannot read .*endpoints\.yaml: there is no such file/);
  assert.equal(watched.source.snapshot(), undefined);
  await writeFile(path, ONE);
  await watched.untilListed(listed('10.0.0.1:80'));
  await rm(path);
  await watched.until('is disconnected', () => !watched.source.view().connected);
  assert.deepEqual(watched.listed, listed('10.0.0.1:80'));
});

test('a file that says the same in other words makes no snapshot', async (t) => {
  const { path, watched } = await follow(t, ONE);
  await watched.untilListed(listed('10.0.0.1:80'));
  await writeFile(path, '{"services": {"goods": [{"address": "10.0.0.1:80"}]}}');
  await writeFile(`${path}.new`, `services: { goods: ['10.0.0.1:80'], orders: ['10.0.0.9:80'] }`);
  await rename(`${path}.new`, path);
  await watched.untilListed({ ...listed('10.0.0.1:80'), orders: ['10.0.0.9:80'] });
  const [first, last] = [watched.snapshots[0], watched.snapshots.at(-1)];
  assert.equal(first?.services.get('goods'), last?.services.get('goods'));
});

test('an endpoint whose weight or draining changed is changed, not replaced', async (t) => {
  const { path, watched } = await follow(t, ONE);
  await watched.untilListed(listed('10.0.0.1:80'));
  const before = watched.source.snapshot()?.services.get('goods')?.endpoints[0];
  await writeFile(path, 'services: { goods: [{ address: 10.0.0.1:80, weight: 3, draining: true }] }');
  await watched.until('is draining', () => watched.snapshots.length === 2);
  const after = watched.source.snapshot()?.services.get('goods')?.endpoints[0];
  assert.deepEqual([after?.weight, after?.standing, after?.since], [3, 'draining', before?.since]);
});

test('what the file no longer lists left because somebody wanted it, all of it at once too', async (t) => {
  const { path, watched } = await follow(t, BOTH);
  await watched.untilListed(listed('10.0.0.1:80', '10.0.0.2:80'));
  await writeFile(path, 'services: {}');
  await watched.untilListed({});
  const departures = [...(watched.source.snapshot()?.departures ?? [])];
  assert.deepEqual(
    departures.map(([{ address }, { willing }]) => [address, willing]),
    [
      ['10.0.0.1:80', true],
      ['10.0.0.2:80', true],
    ],
  );
});
