import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { watchFile } from '../../src/files/watch.js';
import { ManualClock } from '../support/manual-clock.js';
import { Sequence } from '../support/sequence.js';

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-watch-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** The changes that a watch of `path` reports, once it has had its first look. */
async function changesOf(t: TestContext, path: string, clock: Clock = systemClock): Promise<Sequence<true>> {
  const changes = new Sequence<true>(`change of ${path}`);
  const watch = watchFile(path, { clock, onChange: () => changes.push(true) });
  t.after(() => watch.close());
  await watch.ready;
  return changes;
}

test('an edit in place is noticed, and a burst of them once', async (t) => {
  const path = join(await temporaryFolder(t), 'routes.yaml');
  await writeFile(path, 'one');
  const changes = await changesOf(t, path);
  for (let write = 0; write < 20; write += 1) writeFileSync(path, `two ${write}`);
  await changes.nth(0);
  await writeFile(path, 'three');
  await changes.nth(1);
  assert.equal(changes.items.length, 2);
});

test('the file is looked at once it has been quiet, not at each step of an edit', async (t) => {
  const path = join(await temporaryFolder(t), 'routes.yaml');
  await writeFile(path, 'one');
  const clock = new ManualClock();
  await changesOf(t, path, clock);
  const elsewhere = await changesOf(t, path);
  for (let write = 0; write < 20; write += 1) writeFileSync(path, `two ${write}`);
  await elsewhere.nth(0);
  assert.equal(clock.pending, 2, 'the quiet timer and the one of the next regular look');
});

test('an atomic rename is noticed, time after time', async (t) => {
  const path = join(await temporaryFolder(t), 'routes.yaml');
  await writeFile(path, '0');
  const changes = await changesOf(t, path);
  for (let round = 0; round < 3; round += 1) {
    await writeFile(`${path}.new`, `renamed ${round}`);
    await rename(`${path}.new`, path);
    await changes.nth(round);
  }
});

test('a ConfigMap update is noticed: Kubernetes swaps the ..data link beside the file', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'routes.yaml');
  const publish = async (version: string): Promise<void> => {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, 'routes.yaml'), version);
    await symlink(version, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await publish('..2026_1');
  await symlink(join('..data', 'routes.yaml'), path);
  const changes = await changesOf(t, path);
  await publish('..2026_2');
  await changes.nth(0);
  await rm(join(folder, '..2026_1'), { recursive: true });
  await publish('..2026_3');
  await changes.nth(1);
});

test('an edit of the file that a link leads to is noticed', async (t) => {
  const [here, there] = [await temporaryFolder(t), await temporaryFolder(t)];
  await writeFile(join(there, 'real.yaml'), 'one');
  await symlink(join(there, 'real.yaml'), join(here, 'routes.yaml'));
  const changes = await changesOf(t, join(here, 'routes.yaml'));
  await writeFile(join(there, 'real.yaml'), 'two');
  await changes.nth(0);
});

test('a file that disappears and comes back is two changes', async (t) => {
  const path = join(await temporaryFolder(t), 'routes.yaml');
  await writeFile(path, 'one');
  const changes = await changesOf(t, path);
  await rm(path);
  await changes.nth(0);
  await writeFile(path, 'one');
  await changes.nth(1);
});

test('a file that holds what it held is no change', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'routes.yaml');
  await writeFile(path, 'one');
  // The watch sets its long timer at the end of each look.
  const looks = new Sequence<number>('look');
  const clock: Clock = {
    ...systemClock,
    after(delayMs, task) {
      if (delayMs >= 10_000) looks.push(delayMs);
      return systemClock.after(delayMs, task);
    },
  };
  const changes = await changesOf(t, path, clock);
  await utimes(path, 1, 1);
  await writeFile(join(folder, 'another.yaml'), 'one');
  await rename(join(folder, 'another.yaml'), path);
  await looks.nth(1);
  assert.equal(changes.items.length, 0);
});

test('where no event comes, a look every ten seconds finds the change', async (t) => {
  const folder = join(await temporaryFolder(t), 'mounted-later');
  const path = join(folder, 'routes.yaml');
  const clock = new ManualClock();
  const changes = await changesOf(t, path, clock);
  await mkdir(folder);
  await writeFile(path, 'one');
  await clock.advance(10_000);
  await changes.nth(0);
});

test('after close nothing is called and no timer is left', async (t) => {
  const path = join(await temporaryFolder(t), 'routes.yaml');
  await writeFile(path, 'one');
  const clock = new ManualClock();
  const calls: string[] = [];
  const closed = watchFile(path, { clock, onChange: () => calls.push('closed') });
  await closed.ready;
  const duringFirstLook = watchFile(path, { clock, onChange: () => calls.push('during') });
  duringFirstLook.close();
  closed.close();
  closed.close();
  await duringFirstLook.ready;
  const changes = await changesOf(t, path);
  await writeFile(path, 'two');
  await changes.nth(0);
  assert.deepEqual(calls, []);
  assert.equal(clock.pending, 0);
});
