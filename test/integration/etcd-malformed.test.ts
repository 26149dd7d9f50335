import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EtcdError } from '../../src/etcd/errors.js';
import { etcdMethod } from '../support/etcd-method.js';
import { followSource, openMembers } from '../support/followed-source.js';
import { ScriptedEtcd, ScriptedStore } from '../support/scripted-etcd.js';

const PREFIX = '/p';
const [A, B, C, D] = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80'];

const cut = (bytes: Buffer): Buffer => bytes.subarray(0, -1);
/** Number and length of the header, which comes first, and the header. */
const headerOf = (bytes: Buffer): Buffer => bytes.subarray(0, 2 + (bytes[1] ?? 0));
const withoutHeader = (bytes: Buffer): Buffer => bytes.subarray(headerOf(bytes).length);
const withMore =
  (hex: string) =>
  (bytes: Buffer): Buffer =>
    Buffer.concat([bytes, Buffer.from(hex, 'hex')]);

/** How an answer is spoilt, and what is said of it. */
const SPOILT_LISTS = [
  ['is cut', cut, /^malformed answer to KV\/Range: the message ends in the middle of a field, at byte \d+$/],
  ['has a count that is text', withMore('220131'), /^malformed .* field 4 has the wire type 2, at byte \d+$/],
  ['has no header', withoutHeader, /^malformed .* there is no header, at byte \d+$/],
  ['has a key that is not there', withMore('1200'), /^malformed .* there is no key, at byte \d+$/],
  [
    'has fewer keys than it counts',
    withMore('2009'),
    /^malformed .* 1 of 9 keys are there, and no more to come/,
  ],
] as const;

const SPOILT_EVENTS = [
  [
    'is cut',
    cut,
    /^malformed answer to Watch\/Watch: the message ends in the middle of a field, at byte \d+$/,
  ],
  [
    'has an event that is a number',
    withMore('5801'),
    /^malformed .* field 11 has the wire type 0, at byte \d+$/,
  ],
  ['has no header', withoutHeader, /^malformed .* there is no header, at byte \d+$/],
  ['has an event without a key', withMore('5a00'), /^malformed .* there is no key in an event, at byte \d+$/],
] as const;

async function scene(t: Parameters<typeof followSource>[0], count: 1 | 2) {
  const store = new ScriptedStore();
  store.put({ [`${PREFIX}/goods/a`]: A });
  const members: ScriptedEtcd[] = [];
  for (let left = count; left > 0; left -= 1) members.push(await ScriptedEtcd.start(t, store));
  const [first, second = first] = members;
  assert.ok(first !== undefined && second !== undefined);
  const follow = () =>
    followSource(t, {
      endpoints: members.map(({ endpoint }) => endpoint),
      prefix: PREFIX,
      random: () => 0,
    });
  return { store, first, second, follow };
}

describe('an etcd that answers what cannot be read', { concurrency: true }, () => {
  for (const [what, spoil, words] of SPOILT_LISTS) {
    test(`a list that ${what} is no list: it is told, asked for again, and taken once it is right`, async (t) => {
      const { first, follow } = await scene(t, 1);
      first.spoilList = spoil;
      const { source, events, until, addresses } = follow();
      await until('asked again', () => first.lists >= 2);
      const { ready, lastError } = source.view();
      assert.deepEqual([ready, source.snapshot()], [false, undefined]);
      assert.match(lastError ?? '', words);
      assert.deepEqual(
        events.map(({ kind, detail }) => [kind, detail]),
        [['fault', lastError]],
        'once, however often it is tried',
      );
      first.spoilList = (bytes) => bytes;
      await addresses('goods', [A]);
    });
  }

  test('a list whose next page is the same one again is given up', async (t) => {
    const { first, follow } = await scene(t, 1);
    // With `more`, and a count to go with it.
    first.spoilList = withMore('18012009');
    const { source, until, addresses } = follow();
    await until('given up twice', ({ lastError }) => lastError !== null && first.lists >= 4);
    assert.equal(source.view().lastError, 'malformed list: a page does not lead on');
    assert.equal(source.snapshot(), undefined);
    first.spoilList = (bytes) => bytes;
    await addresses('goods', [A]);
  });

  for (const [what, spoil, words] of SPOILT_EVENTS) {
    test(`of a message of a watch that ${what} nothing is used, and what it told is listed`, async (t) => {
      const { store, first, follow } = await scene(t, 1);
      const { source, events, until, addresses, endpoints } = follow();
      await until('connected', ({ connected }) => connected);
      await until('watched', () => first.watches === 1);
      const sizes: number[] = [];
      t.after(source.subscribe(({ services }) => sizes.push(services.get('goods')?.endpoints.length ?? 0)));

      first.spoilEvents = spoil;
      first.spoilList = cut;
      store.put({ [`${PREFIX}/goods/b`]: B, [`${PREFIX}/goods/c`]: C });
      await until('lists are asked for in vain', () => first.lists >= 3);
      const told = events.filter(({ kind }) => kind === 'disconnected' || kind === 'fault');
      assert.equal(told[0]?.kind, 'disconnected');
      for (const { detail } of told.slice(0, 2)) assert.match(detail, words);
      assert.deepEqual(
        endpoints('goods').map(({ address }) => address),
        [A],
        'the last that it knew for certain',
      );
      await until('the stream is given up', () => first.watches === 0);

      first.spoilList = (bytes) => bytes;
      await addresses('goods', [A, B, C]);
      assert.deepEqual(sizes, [1, 3], 'never a part of it');
      first.spoilEvents = (bytes) => bytes;
      await until('watched again', () => first.watches === 1);
      store.put({ [`${PREFIX}/goods/d`]: D });
      await addresses('goods', [A, B, C, D]);
    });
  }

  test('what comes on a stream after a message that cannot be read is not used either', async (t) => {
    const { store, first, follow } = await scene(t, 1);
    const { source, until, addresses } = follow();
    await until('watched', () => first.watches === 1);
    const seen: string[] = [];
    t.after(source.subscribe(({ services }) => seen.push(`${services.get('goods')?.endpoints.length}`)));
    first.spoilEvents = cut;
    first.spoilList = cut;
    store.put({ [`${PREFIX}/goods/b`]: B });
    first.spoilEvents = (bytes) => bytes;
    store.put({ [`${PREFIX}/goods/c`]: C });
    await until('disconnected', ({ connected }) => !connected);
    await until('lists are asked for in vain', () => first.lists >= 3);
    first.spoilList = (bytes) => bytes;
    await addresses('goods', [A, B, C]);
    assert.deepEqual(seen, ['1', '3'], 'an event later than the lost one would have hidden that it was lost');
  });

  test('a list that one member spoils is had of another', async (t) => {
    const { first, second, follow } = await scene(t, 2);
    first.spoilList = cut;
    const { source, addresses } = follow();
    await addresses('goods', [A]);
    assert.equal(source.view().member, second.endpoint);
  });

  test('a watch that one member spoils is gone on with at another', async (t) => {
    const { store, first, second, follow } = await scene(t, 2);
    const { source, until, addresses } = follow();
    await until('watched', () => first.watches === 1);
    first.spoilEvents = cut;
    store.put({ [`${PREFIX}/goods/b`]: B });
    await addresses('goods', [A, B]);
    await until('watched at the other', () => second.watches === 1);
    assert.equal(source.view().member, second.endpoint);
  });

  test('a call of ours moves on to another member, and ends as malformed when none is left', async (t) => {
    const { first, second } = await scene(t, 2);
    const endpoints = [first.endpoint, second.endpoint];
    const read = (member: ReturnType<ReturnType<typeof openMembers>['current']>) =>
      member.range({ key: `${PREFIX}/goods/a` });
    first.spoilList = cut;
    const { kvs } = await openMembers(t, { endpoints }).call(read);
    assert.equal(kvs[0]?.value, A);
    second.spoilList = cut;
    await assert.rejects(
      openMembers(t, { endpoints }).call(read),
      (error) => error instanceof EtcdError && error.fault === 'malformed',
    );
  });

  test('an answer that protobufjs is to read is held to the same', async (t) => {
    const { first } = await scene(t, 1);
    const member = openMembers(t, { endpoints: [first.endpoint] }).current();
    const right = etcdMethod('KV/Put').responseSerialize({ header: { cluster_id: '7', revision: '5' } });
    for (const [answer, words] of [
      [cut(right), /^malformed answer to KV\/Put: /],
      [Buffer.alloc(0), /^malformed answer: there is no header$/],
    ] as const) {
      first.putAnswer = answer;
      await assert.rejects(member.put('/k', 'v'), (error) => {
        assert.ok(error instanceof EtcdError);
        assert.match(error.message, words);
        return error.fault === 'malformed';
      });
    }
    first.putAnswer = right;
    assert.equal((await member.put('/k', 'v')).revision, 5n);
  });
});
