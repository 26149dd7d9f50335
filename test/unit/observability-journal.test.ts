import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventHub, type MembershipChange } from '../../src/core/events.js';
import type { JournalEntry } from '../../src/core/views.js';
import { createJournal } from '../../src/observability/journal.js';

const change = (at: number, service = 'goods'): MembershipChange => ({
  at,
  source: 'main',
  service,
  address: `10.0.0.${at}:80`,
  key: `/r/${service}/${at}`,
  change: 'joined',
  state: 'up',
  cause: 'registered',
  revision: String(at),
  endpointsLeft: 1,
});
const moments = (entries: readonly JournalEntry[]) => entries.map((entry) => entry.at);

test('the journal keeps the newest entries, oldest first', () => {
  const hub = new EventHub();
  const journal = createJournal(hub, { capacity: 3 });
  assert.deepEqual(journal.entries(), []);
  for (const at of [1, 2]) hub.announce('membership', change(at));
  assert.deepEqual(moments(journal.entries()), [1, 2]);
  for (const at of [3, 4, 5, 6, 7]) hub.announce('membership', change(at));
  assert.deepEqual(moments(journal.entries()), [5, 6, 7]);
});

test('entries are found by service, by time and by number', () => {
  const hub = new EventHub();
  const journal = createJournal(hub);
  for (const at of [1, 2, 3, 4]) hub.announce('membership', change(at, at % 2 === 0 ? 'goods' : 'user'));
  hub.announce('config', { at: 5, generation: 1, ok: true, detail: [] });
  assert.deepEqual(moments(journal.entries({ service: 'goods' })), [2, 4]);
  assert.deepEqual(moments(journal.entries({ since: 3 })), [3, 4, 5]);
  assert.deepEqual(moments(journal.entries({ limit: 2 })), [4, 5]);
  assert.deepEqual(journal.entries({ limit: 0 }), []);
  assert.deepEqual(moments(journal.entries({ service: 'user', since: 2, limit: 9 })), [3]);
});

test('an entry about a registry keeps both its kind and what happened', () => {
  const hub = new EventHub();
  const journal = createJournal(hub);
  hub.announce('source', { at: 1, source: 'main', kind: 'relisted', detail: 'compacted' });
  assert.deepEqual(journal.entries(), [
    { kind: 'source', event: 'relisted', at: 1, source: 'main', detail: 'compacted' },
  ]);
});

test('subscribers see each entry once, until they or the journal stop', () => {
  const hub = new EventHub();
  const journal = createJournal(hub);
  const seen: number[] = [];
  const stop = journal.subscribe((entry) => seen.push(entry.at));
  hub.announce('membership', change(1));
  stop();
  hub.announce('membership', change(2));
  journal.subscribe((entry) => seen.push(entry.at));
  journal.close();
  hub.announce('membership', change(3));
  assert.deepEqual(seen, [1]);
  assert.deepEqual(moments(journal.entries()), [1, 2]);
});
