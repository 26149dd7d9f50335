import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SourceEvent } from '../../src/core/events.js';
import { createAddressPolicy } from '../../src/discovery/address-policy.js';
import { SnapshotFile, type SnapshotFileOptions } from '../../src/discovery/snapshot-file.js';
import { SnapshotWriter } from '../../src/discovery/snapshot-writer.js';
import { endpointAt, endpoints, setsOf } from '../support/guarded-source.js';
import { ManualClock } from '../support/manual-clock.js';

const HOUR = 3_600_000;

interface Desk {
  readonly folder: string;
  readonly path: string;
  readonly clock: ManualClock;
  readonly problems: string[];
  open(over?: Partial<SnapshotFileOptions>): SnapshotFile;
}

async function desk(t: TestContext): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-snapshot-'));
  t.after(() => rm(folder, { recursive: true }));
  const clock = new ManualClock();
  const problems: string[] = [];
  const path = join(folder, 'state', 'registry-main.json');
  const open = (over: Partial<SnapshotFileOptions> = {}): SnapshotFile =>
    new SnapshotFile({
      path,
      source: 'main',
      registry: 'etcd http://10.0.0.1:2379 /services as auto',
      maxAge: HOUR,
      policy: createAddressPolicy(),
      clock,
      announce: (kind, event) => {
        assert.equal(kind, 'source');
        problems.push((event as SourceEvent).detail.replace(path, 'FILE'));
      },
      ...over,
    });
  return { folder, path, clock, problems, open };
}

const services = setsOf({
  goods: [
    endpointAt(1, { weight: 2.5, zone: 'a', metadata: { 10: 'x', 2: 'y', b: 'é' }, lease: '77' }),
    endpointAt(2),
  ],
  users: [endpointAt(3)],
});

test('what was saved is loaded as it was', async (t) => {
  const { open, clock, problems } = await desk(t);
  await open().save({ services, confirmedAt: clock.now() });
  const loaded = await open().load();
  assert.deepEqual(loaded, { services, confirmedAt: clock.now() });
  assert.deepEqual(problems, []);
});

test('no file is no problem', async (t) => {
  const { open, problems } = await desk(t);
  assert.equal(await open().load(), undefined);
  assert.deepEqual(problems, []);
});

test('what was leaving is not saved, what was held is saved as if it were listed', async (t) => {
  const { open, clock } = await desk(t);
  const held = { reason: 'cold start', since: 1 } as const;
  const sets = setsOf({
    goods: [endpointAt(1, { standing: 'draining' }), endpointAt(2, { standing: 'stale', held })],
    users: [endpointAt(3, { standing: 'draining' })],
  });
  await open().save({ services: sets, confirmedAt: clock.now() });
  assert.deepEqual((await open().load())?.services, setsOf({ goods: [endpointAt(2)] }));
});

test('a snapshot that has not been confirmed for longer than maxAge is not used', async (t) => {
  const { open, clock, problems } = await desk(t);
  await open().save({ services, confirmedAt: clock.now() - HOUR });
  assert.ok(await open().load());
  await clock.advance(1_000);
  assert.equal(await open().load(), undefined);
  assert.deepEqual(problems, ['FILE is not used: it is 3601 s old, more than 3600 s']);
  await open().save({ services, confirmedAt: clock.now() + HOUR + 1 });
  assert.equal(await open().load(), undefined);
});

test('the snapshot of another registry is not used', async (t) => {
  const { open, clock, problems } = await desk(t);
  await open({ registry: 'etcd http://staging:2379' }).save({ services, confirmedAt: clock.now() });
  assert.equal(await open().load(), undefined);
  assert.deepEqual(problems, ['FILE is not used: it is of another registry, etcd http://staging:2379']);
});

test('an address that may not be connected to any more is left out', async (t) => {
  const { open, clock } = await desk(t);
  await open().save({ services, confirmedAt: clock.now() });
  const loaded = await open({ policy: createAddressPolicy(['10.0.0.2', '10.0.0.3']) }).load();
  assert.deepEqual(
    [...(loaded?.services ?? [])].map(([name, set]) => [name, set.endpoints.length]),
    [
      ['goods', 1],
      ['users', 1],
    ],
  );
});

for (const [what, damage, reason] of [
  ['cut off', (text: string) => text.slice(0, -20), 'it is no JSON, or not all of it'],
  ['empty', () => '', 'it is no JSON, or not all of it'],
  [
    'changed in one digit',
    (text: string) => text.replace('10.0.0.3:80', '10.0.0.4:80'),
    'its checksum is wrong',
  ],
  ['of a later version', (text: string) => text.replace('"version":1', '"version":2'), 'it has version 2'],
  ['somebody else’s JSON', () => '{"hello":"world"}', 'it is no snapshot'],
  ['no map', () => 'null', 'it is no snapshot'],
] as const) {
  test(`a file that is ${what} is not used, which is told in one line`, async (t) => {
    const { open, clock, path, problems } = await desk(t);
    await open().save({ services, confirmedAt: clock.now() });
    await writeFile(path, damage(await readFile(path, 'utf8')));
    const file = open();
    assert.equal(await file.load(), undefined);
    assert.equal(await file.load(), undefined);
    assert.deepEqual(problems, [`FILE is not used: ${reason}`]);
    await file.save({ services, confirmedAt: clock.now() });
    assert.ok(await open().load(), 'and is replaced');
  });
}

test('a file that cannot be read or written is told, and fails nothing', async (t) => {
  const { folder, open, clock, problems } = await desk(t);
  await writeFile(join(folder, 'state'), 'a file where a folder should be');
  const file = open();
  assert.equal(await file.load(), undefined);
  await file.save({ services, confirmedAt: clock.now() });
  await file.save({ services, confirmedAt: clock.now() });
  assert.equal(problems.length, 2);
  assert.match(problems[1] ?? '', /^FILE cannot be written: /);
});

test('a save replaces the file in one step and leaves nothing beside it', async (t) => {
  const { open, clock, path, folder } = await desk(t);
  const file = open();
  await file.save({ services, confirmedAt: clock.now() });
  const { ino } = await stat(path);
  await file.save({ services: setsOf({ goods: endpoints(5) }), confirmedAt: clock.now() });
  assert.notEqual((await stat(path)).ino, ino, 'the old file was not written into');
  assert.deepEqual(await readdir(join(folder, 'state')), ['registry-main.json']);
  assert.equal((await stat(path)).mode & 0o077, 0, 'nobody else may read it');
});

/** A file that only counts. */
class CountedFile extends SnapshotFile {
  readonly saved: number[] = [];
  override async save({ services: { size } }: Parameters<SnapshotFile['save']>[0]): Promise<void> {
    this.saved.push(size);
  }
}

function writerRig(): { file: CountedFile; writer: SnapshotWriter; clock: ManualClock } {
  const clock = new ManualClock();
  const file = new CountedFile({
    path: '/nowhere',
    source: 'main',
    registry: '',
    maxAge: HOUR,
    policy: createAddressPolicy(),
    clock,
    announce: () => {},
  });
  return { file, clock, writer: new SnapshotWriter({ file, clock, confirmedAt: () => clock.now() }) };
}

test('the first list is written at once, changes after it at most once a second', async () => {
  const { file, writer, clock } = writerRig();
  writer.offer(setsOf({ a: endpoints(1) }));
  await clock.advance(0);
  assert.deepEqual(file.saved, [1]);
  for (let change = 0; change < 30; change++) {
    writer.offer(setsOf({ a: endpoints(1), b: endpoints(1) }));
    await clock.advance(100);
  }
  assert.deepEqual(file.saved, [1, 2, 2, 2]);
  await writer.close();
});

test('a registry in which nothing changes is written once a minute, so that its age on disk is true', async () => {
  const { file, writer, clock } = writerRig();
  writer.offer(setsOf({ a: endpoints(1) }));
  await clock.advance(180_000);
  assert.equal(file.saved.length, 4);
  await writer.close();
});

test('what is not written yet is written on closing', async () => {
  const { file, writer, clock } = writerRig();
  writer.offer(setsOf({ a: endpoints(1) }));
  await clock.advance(0);
  writer.offer(setsOf({ a: endpoints(1), b: endpoints(1) }));
  await writer.close();
  assert.deepEqual(file.saved, [1, 2]);
  assert.equal(clock.pending, 0);
});
