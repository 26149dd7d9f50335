import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IEvent, IWatchResponse } from 'etcd3';
import { bytes, prefixEnd } from '../support/etcd-api.js';
import type { Context } from './etcd-api.js';

export function describeWatch(context: Context): void {
  describe('Watch', () => describeEvents(context));
  describe('a watch from an old revision', () => describeReplay(context));
  describe('watchers of one stream', () => describeStream(context));
  describe('watch progress', () => describeProgress(context));
}

const told = ({ type, kv }: IEvent): string => `${type} ${kv.key.toString().at(-1)}=${kv.value.toString()}`;

function below(prefix: Buffer) {
  return { key: prefix, range_end: prefixEnd(prefix.toString()) };
}

function describeEvents({ api, key, put }: Context): void {
  test('tells of each change of a prefix, of one key or of a range, and of nothing else', async () => {
    const prefix = key('');
    const at = (name: string): Buffer => Buffer.concat([prefix, bytes(name)]);
    const [all, one, range] = [api().watch(), api().watch(), api().watch()];
    const created = await all.create(below(prefix));
    assert.deepEqual([created.created, created.canceled, created.watch_id], [true, false, '0']);
    await one.create({ key: at('b') });
    await range.create({ key: at('b'), range_end: at('d') });
    const first = await put(at('a'), '1');
    await put(at('b'), '2');
    await put(at('c'), '3');
    await api().call('KV/DeleteRange', { key: at('b') });
    const events = await all.events(4);
    assert.deepEqual(events.map(told), ['Put a=1', 'Put b=2', 'Put c=3', 'Delete b=']);
    assert.deepEqual(
      events.map(({ kv }) => Number(kv.mod_revision) - first),
      [0, 1, 2, 3],
    );
    assert.deepEqual((await one.events(2)).map(told), ['Put b=2', 'Delete b=']);
    assert.deepEqual((await range.events(3)).map(told), ['Put b=2', 'Put c=3', 'Delete b=']);
    for (const watch of [all, one, range]) watch.cancel();
  });

  test('a delete has key and revision only; prev_kv is sent when asked for', async () => {
    const { ID } = await api().call('Lease/LeaseGrant', { TTL: 60 });
    const name = key('k');
    const [plain, previous] = [api().watch(), api().watch()];
    await plain.create({ key: name });
    await previous.create({ key: name, prev_kv: true });
    await put(name, 'one', { lease: ID });
    await put(name, 'two', { lease: ID });
    await api().call('KV/DeleteRange', { key: name });
    const without = await plain.events(3);
    assert.deepEqual(
      without.map(({ prev_kv }) => prev_kv),
      [null, null, null],
    );
    const { create_revision, version, lease } = without[2]?.kv ?? {};
    assert.deepEqual([create_revision, version, lease], ['0', '0', '0']);
    const events = await previous.events(3);
    assert.deepEqual(
      events.map(({ prev_kv }) => prev_kv?.value.toString()),
      [undefined, 'one', 'two'],
    );
    assert.equal(events[2]?.prev_kv.lease, ID);
    plain.cancel();
    previous.cancel();
  });

  test('the changes of a transaction arrive together, in order, at one revision', async () => {
    const prefix = key('');
    const at = (name: string): Buffer => Buffer.concat([prefix, bytes(name)]);
    await put(at('z'), 'old');
    const watch = api().watch();
    await watch.create(below(prefix));
    const put2 = (name: string) => ({ request_put: { key: at(name), value: bytes('v') } });
    const { header } = await api().call('KV/Txn', {
      success: [put2('b'), { request_delete_range: { key: at('z') } }, put2('a')],
    });
    const { events, header: seen } = await watch.next();
    assert.deepEqual(events.map(told), ['Put b=v', 'Delete z=', 'Put a=v']);
    assert.deepEqual([...new Set(events.map(({ kv }) => kv.mod_revision))], [header.revision]);
    assert.equal(seen.revision, header.revision);
    watch.cancel();
  });

  test('filters leave out puts or deletes', async () => {
    const name = key('k');
    const [deletes, puts] = [api().watch(), api().watch()];
    await deletes.create({ key: name, filters: ['Noput'] });
    await puts.create({ key: name, filters: ['Nodelete'] });
    await put(name, '1');
    await api().call('KV/DeleteRange', { key: name });
    await put(name, '2');
    await api().call('KV/DeleteRange', { key: name });
    assert.deepEqual((await deletes.events(2)).map(told), ['Delete k=', 'Delete k=']);
    assert.deepEqual((await puts.events(2)).map(told), ['Put k=1', 'Put k=2']);
    deletes.cancel();
    puts.cancel();
  });

  test('no key and a range end of zero watches everything', async () => {
    const watch = api().watch();
    await watch.create({ range_end: Buffer.from([0]) });
    await put(key('k'), 'v');
    assert.deepEqual((await watch.events(1)).map(told), ['Put k=v']);
    watch.cancel();
  });
}

function describeReplay({ api, key, put }: Context): void {
  test('replays the history and goes on live, with nothing lost or told twice', async () => {
    const name = key('k');
    const first = await put(name, '0');
    for (let value = 1; value < 20; value++) await put(name, String(value));
    const watch = api().watch();
    watch.send({ create_request: { key: name, start_revision: first, prev_kv: true } });
    const more = Promise.all(Array.from({ length: 10 }, (_, index) => put(name, String(20 + index))));
    assert.equal((await watch.next()).created, true);
    const events = await watch.events(30);
    await more;
    assert.deepEqual(
      events.map(({ kv }) => Number(kv.mod_revision) - first),
      Array.from({ length: 30 }, (_, index) => index),
    );
    assert.equal(events[5]?.prev_kv.value.toString(), '4');
    watch.cancel();
  });

  test('a start to come is waited for', async () => {
    const name = key('k');
    const now = await put(name, 'now');
    const watch = api().watch();
    await watch.create({ key: name, start_revision: now + 3 });
    for (const value of ['1', '2', '3']) await put(name, value);
    assert.deepEqual((await watch.events(1)).map(told), ['Put k=3']);
    watch.cancel();
  });

  test('a start that is compacted cancels the watcher and names the revision from which it could', async () => {
    const name = key('k');
    const first = await put(name, '1');
    await put(name, '2');
    const at = await put(name, '3');
    await api().call('KV/Compact', { revision: at });
    const watch = api().watch();
    const created = await watch.create({ key: name, start_revision: first });
    assert.deepEqual([created.created, created.canceled], [true, false]);
    const canceled = await watch.next();
    assert.deepEqual(
      [
        canceled.watch_id,
        canceled.canceled,
        canceled.compact_revision,
        canceled.events,
        canceled.header.revision,
      ],
      [created.watch_id, true, String(at), [], '0'],
    );
    await watch.create({ key: name, start_revision: at, prev_kv: true });
    const [event] = await watch.events(1);
    assert.deepEqual([event && told(event), event?.prev_kv], ['Put k=3', null]);
    watch.cancel();
  });

  test('fragment splits what is large, and the last part says so', async () => {
    const prefix = key('');
    const first = await put(prefix, '');
    for (const name of ['a', 'b', 'c', 'd']) {
      await api().call('KV/Put', {
        key: Buffer.concat([prefix, bytes(name)]),
        value: Buffer.alloc(1024 * 1024),
      });
    }
    const replay = async (): Promise<IWatchResponse[]> => {
      const watch = api().watch();
      await watch.create({ ...below(prefix), start_revision: first, fragment: true });
      const parts: IWatchResponse[] = [];
      while (parts.flatMap(({ events }) => events).length < 5) parts.push(await watch.next());
      watch.cancel();
      return parts;
    };
    // etcd does not split what is ready before the created reply is out, so it may take more than one try.
    let parts = await replay();
    for (let tries = 1; tries < 5 && !parts.some(({ fragment }) => fragment); tries++) parts = await replay();
    assert.ok(parts.some(({ fragment }) => fragment));
    assert.equal(parts.at(-1)?.fragment, false);
    const names = parts.flatMap(({ events }) => events).map(({ kv }) => kv.key.toString().at(-1));
    assert.equal(names.slice(1).join(''), 'abcd');
  });
}

function describeStream({ api, key, put }: Context): void {
  test('have ids of the server or of the client, and are cancelled one by one', async () => {
    const [a, b] = [key('a'), key('b')];
    const watch = api().watch();
    assert.equal((await watch.create({ key: a })).watch_id, '0');
    assert.equal((await watch.create({ key: b, watch_id: 7 })).watch_id, '7');
    assert.equal((await watch.create({ key: b })).watch_id, '1');
    watch.send({ cancel_request: { watch_id: 0 } });
    const canceled = await watch.next();
    assert.deepEqual([canceled.watch_id, canceled.canceled, canceled.cancel_reason], ['0', true, '']);
    watch.send({ cancel_request: { watch_id: 404 } });
    await put(a, 'unseen');
    await put(b, 'seen');
    const seen = [await watch.next(), await watch.next()];
    assert.deepEqual(seen.map(({ watch_id }) => watch_id).sort(), ['1', '7']);
    assert.deepEqual(
      seen.flatMap(({ events }) => events.map(told)),
      ['Put b=seen', 'Put b=seen'],
    );
    watch.cancel();
  });

  test('a watcher that cannot be is created and cancelled in one reply, and the stream lives on', async () => {
    const name = key('k');
    const watch = api().watch();
    await watch.create({ key: name, watch_id: 5 });
    const twice = await watch.create({ key: name, watch_id: 5 });
    assert.deepEqual(
      [twice.created, twice.canceled, twice.watch_id, twice.cancel_reason],
      [true, true, '-1', 'mvcc: duplicate watch ID provided on the WatchStream'],
    );
    const empty = await watch.create({ key: bytes('b'), range_end: bytes('a') });
    assert.deepEqual(
      [empty.created, empty.canceled, empty.watch_id, empty.cancel_reason],
      [true, true, '-1', 'mvcc: watcher range is empty'],
    );
    await put(name, 'v');
    assert.deepEqual((await watch.events(1)).map(told), ['Put k=v']);
    watch.cancel();
  });

  test('go on after the client has said that it asks nothing more', async () => {
    const name = key('k');
    const watch = api().watch();
    await watch.create({ key: name });
    watch.halfClose();
    await put(name, 'v');
    assert.deepEqual((await watch.events(1)).map(told), ['Put k=v']);
    watch.cancel();
  });
}

function describeProgress({ api, server, key, put }: Context): void {
  test('is told when asked for, on behalf of all watchers, at the newest revision', async () => {
    const watch = api().watch();
    await watch.create({ key: key('quiet') });
    const revision = await put(key('elsewhere'), 'v');
    watch.send({ progress_request: {} });
    const { watch_id, header, events, created, canceled } = await watch.next();
    assert.deepEqual([watch_id, events, created, canceled], ['-1', [], false, false]);
    assert.equal(header.revision, String(revision));
    watch.cancel();
  });

  test('asked for during a replay loses no event, and overtakes none where the server promises that', async () => {
    const name = key('k');
    const first = await put(name, '0');
    for (let value = 1; value < 50; value++) await put(name, String(value));
    const watch = api().watch();
    watch.send({ create_request: { key: name, start_revision: first } });
    watch.send({ progress_request: {} });
    const replies = [];
    for (let events = 0; events < 50; ) {
      const reply = await watch.next();
      replies.push(reply);
      events += reply.events.length;
    }
    const notices = replies.filter(({ watch_id }) => watch_id === '-1');
    if (server().progressWaits) assert.deepEqual(notices, []);
    watch.cancel();
  });

  test('is told from time to time to a watcher that wants it', async () => {
    const watch = api().watch();
    await watch.create({ key: key('quiet') });
    const wants = await watch.create({ key: key('quiet too'), progress_notify: true, watch_id: 9 });
    const { watch_id, header, events } = await watch.next();
    assert.deepEqual([watch_id, events], ['9', []]);
    assert.ok(Number(header.revision) >= Number(wants.header.revision));
    watch.cancel();
  });
}
