import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { EventHub } from '../../src/core/events.js';
import type { JournalEntry } from '../../src/core/views.js';
import { createJournal } from '../../src/observability/journal.js';
import { JournalFile, type JournalFileOptions } from '../../src/observability/journal-file.js';
import { Sequence } from '../support/sequence.js';

interface Written {
  readonly folder: string;
  readonly path: string;
  readonly problems: string[];
  /** Writes entries of these moments in a run of their own. */
  run(from: number, to: number, options?: Partial<JournalFileOptions>): Promise<void>;
  load(count?: number): Promise<number[]>;
}

async function written(t: TestContext): Promise<Written> {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'state', 'journal.ndjson');
  const problems: string[] = [];
  const make = (options: Partial<JournalFileOptions> = {}): JournalFile =>
    new JournalFile({ path, clock: systemClock, onProblem: (problem) => problems.push(problem), ...options });
  return {
    folder,
    path,
    problems,
    async run(from, to, options) {
      const hub = new EventHub();
      const journal = createJournal(hub);
      const file = make(options);
      file.follow(journal);
      for (let at = from; at <= to; at += 1)
        hub.announce('config', { at, generation: at, ok: true, detail: [] });
      await file.close();
      journal.close();
    },
    load: async (count = 10_000) => (await make().load(count)).map(({ at }: JournalEntry) => at),
  };
}

test('what one run wrote the next one reads, oldest first', async (t) => {
  const { run, load, path, problems } = await written(t);
  assert.deepEqual(await load(), []);
  await run(1, 2);
  await run(3, 4);
  assert.deepEqual(await load(), [1, 2, 3, 4]);
  assert.deepEqual(await load(3), [2, 3, 4]);
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 5);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(problems, []);
});

test('files have a bounded size and number, and the oldest entries go first', async (t) => {
  const { run, load, path } = await written(t);
  for (let at = 1; at <= 20; at += 1) await run(at, at, { maxBytes: 150, maxFiles: 3 });
  const files = await readdir(join(path, '..'));
  assert.deepEqual(files.sort(), ['journal.ndjson', 'journal.ndjson.1', 'journal.ndjson.2']);
  for (const name of files) assert.ok((await stat(join(path, '..', name))).size <= 150);
  const moments = await load();
  assert.equal(moments.at(-1), 20);
  assert.ok(moments.length >= 4 && moments.length <= 6);
  assert.deepEqual(
    moments,
    moments.toSorted((a, b) => a - b),
  );
});

test('a line that a crash cut short costs no other', async (t) => {
  const { run, load, path } = await written(t);
  await run(1, 1);
  await appendFile(path, '{"kind":"config","at":');
  await run(2, 2);
  await appendFile(path, 'null\n{"kind":"odd","at":9}\n');
  assert.deepEqual(await load(), [1, 2]);
});

test('a folder that cannot be written costs no more than the entries on disk, and is told once a run', async (t) => {
  const { folder, run, load, problems } = await written(t);
  await writeFile(join(folder, 'state'), 'a file where the folder should be');
  await run(1, 3);
  await run(4, 5);
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? '', /^the journal on disk: \w/);
  await rm(join(folder, 'state'));
  await run(6, 7);
  assert.deepEqual(await load(), [6, 7]);
});

test('entries of a disk that was full for a while are written when it is not', async (t) => {
  const { folder, path } = await written(t);
  const problems = new Sequence<string>('problem');
  const hub = new EventHub();
  const journal = createJournal(hub);
  const file = new JournalFile({ path, clock: systemClock, onProblem: (problem) => problems.push(problem) });
  await writeFile(join(folder, 'state'), 'in the way');
  file.follow(journal);
  hub.announce('config', { at: 1, generation: 1, ok: true, detail: [] });
  await problems.nth();
  await rm(join(folder, 'state'));
  hub.announce('config', { at: 2, generation: 2, ok: true, detail: [] });
  await file.close();
  assert.deepEqual(
    (await file.load(10)).map(({ at }) => at),
    [1, 2],
  );
  assert.equal(problems.items.length, 1);
});

test('a journal begins with the entries of earlier runs', () => {
  const earlier: JournalEntry[] = [{ kind: 'config', at: 1, generation: 1, ok: true, detail: [] }];
  const hub = new EventHub();
  const journal = createJournal(hub, { earlier });
  hub.announce('config', { at: 2, generation: 1, ok: true, detail: [] });
  assert.deepEqual(
    journal.entries().map(({ at }) => at),
    [1, 2],
  );
  journal.close();
});
