import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { checkDraft } from '../../src/cli/check-draft.js';
import { systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import type { KeptPlace } from '../../src/live-config/draft.js';
import { FileSync } from '../../src/live-config/file-sync.js';
import { KeptFile } from '../../src/live-config/kept-file.js';
import { KeptFolder } from '../../src/live-config/kept-folder.js';
import { parseKeyUrl } from '../../src/live-config/key-location.js';
import { type EtcdServer, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import { Sequence } from '../support/sequence.js';

const [version] = etcdVersions;

describe('a file in step with etcd', { skip: version === undefined && 'etcd is not here' }, () => {
  let etcd: EtcdServer;
  let keys = 0;
  before(async () => {
    etcd = await startEtcd(version ?? '3.4');
  });
  after(() => etcd.stop());

  const member = (t: TestContext) => openMembers(t, { endpoints: [etcd.endpoint] }).current();

  async function place(t: TestContext) {
    const folder = await mkdtemp(join(tmpdir(), 'watchgate-kept-'));
    t.after(() => rm(folder, { recursive: true }));
    keys += 1;
    return { folder, key: `/web-${keys}/site`, url: etcd.endpoint.replace('http:', 'etcd:') };
  }

  /** Keeps `kept` in step; `written` counts, `notes` are what the user is told. */
  function sync(t: TestContext, url: string, kept: KeptPlace, check?: string) {
    const written = new Sequence<number>('write');
    const notes = new Sequence<string>('note');
    const sync = new FileSync({
      location: parseKeyUrl(url),
      place: kept,
      check: async (path) => (check === undefined ? undefined : checkDraft(check, path, systemClock)),
      waitMs: 0,
      written: async () => written.push(written.items.length),
      note: (line) => notes.push(line),
      clock: systemClock,
      random: systemRandom,
    });
    t.after(() => sync.close());
    const told = async (pattern: RegExp): Promise<string> => {
      for (let next = 0; ; next += 1) {
        const line = await notes.nth(next);
        if (pattern.test(line)) return line;
      }
    };
    return { sync, written, told };
  }

  test('each value replaces the file in one step, with its mode, and an equal one is not written', async (t) => {
    const { folder, key, url } = await place(t);
    const file = join(folder, 'site.conf');
    await writeFile(file, 'one');
    await chmod(file, 0o640);
    await symlink('site.conf', join(folder, 'link.conf'));
    await member(t).put(key, 'one');
    const { sync: kept, written } = sync(t, url + key, new KeptFile(join(folder, 'link.conf'), url + key));
    await kept.open();
    const { ino } = await stat(file);
    assert.deepEqual([written.items.length, await readFile(file, 'utf8')], [0, 'one']);
    await member(t).put(key, 'two');
    await written.nth(0);
    const after = await stat(file);
    assert.deepEqual([await readFile(file, 'utf8'), after.mode & 0o777], ['two', 0o640]);
    assert.notEqual(after.ino, ino, 'another file was renamed into place');
    assert.deepEqual((await readdir(folder)).sort(), ['link.conf', 'site.conf']);
  });

  test('what is broken, refused by the check or deleted is told, and the last good file stays', async (t) => {
    const { folder, key, url } = await place(t);
    const file = join(folder, 'site.json');
    await member(t).put(key, '{"port":80}');
    const check = 'grep -q port "$FILE" || { echo "no port in it"; exit 3; }';
    const { sync: kept, written, told } = sync(t, url + key, new KeptFile(file, url + key), check);
    await kept.open();
    await written.nth(0);
    await member(t).put(key, '{"port":\n 80,}');
    await told(new RegExp(`^${url}${key}:2:5: not valid JSON`));
    await member(t).put(key, '{}');
    await told(new RegExp(`^${url}${key}: refused by the check: no port in it$`));
    await member(t).deleteRange(key);
    await told(/there is no such key$/);
    assert.deepEqual([await readFile(file, 'utf8'), await readdir(folder)], ['{"port":80}', ['site.json']]);
    await member(t).put(key, '{"port":81}');
    await written.nth(1);
    assert.equal(await readFile(file, 'utf8'), '{"port":81}');
  });

  test('through an outage the file stays, and is caught up afterwards even if the history is gone', async (t) => {
    const { folder, key, url } = await place(t);
    const file = join(folder, 'site.conf');
    await member(t).put(key, 'one');
    const { sync: kept, written, told } = sync(t, url + key, new KeptFile(file, url + key));
    await kept.open();
    etcd.kill();
    await told(/; trying again$/);
    assert.equal(await readFile(file, 'utf8'), 'one');
    await etcd.restart();
    const api = member(t);
    for (let more = 0; more < 3; more += 1) await api.put('/elsewhere', String(more));
    const { revision } = await api.put(key, 'two');
    await api.compact(revision);
    await written.nth(1);
    assert.equal(await readFile(file, 'utf8'), 'two');
    await told(/is followed again$/);
  });

  test('a prefix is a folder with a file for each key, turned to the next in one step', async (t) => {
    const { folder, key, url } = await place(t);
    const path = join(folder, 'site');
    const api = member(t);
    await api.put(`${key}/main.conf`, 'main');
    await api.put(`${key}/hosts/a.conf`, 'a');
    await api.put(`${key}-other`, 'not ours');
    const kept = new KeptFolder(path, `${key}/`, `${url}${key}/`);
    await kept.prepare();
    const { sync: following, written, told } = sync(t, `${url}${key}/`, kept);
    await following.open();
    await written.nth(0);
    const files = async (): Promise<string[]> => (await readdir(path, { recursive: true })).sort();
    assert.deepEqual(await files(), ['hosts', 'hosts/a.conf', 'main.conf']);
    const first = await readlink(path);
    await api.put(`${key}/hosts/b.conf`, 'b');
    await written.nth(1);
    await api.deleteRange(`${key}/hosts/a.conf`);
    await written.nth(2);
    assert.deepEqual(await files(), ['hosts', 'hosts/b.conf', 'main.conf']);
    assert.notEqual(await readlink(path), first);
    assert.equal((await readdir(folder)).length, 3, 'the link, its folder and the one before');

    await api.put(`${key}/../../etc/passwd`, 'outside');
    await told(/\.\.\/\.\.\/etc\/passwd: a part of the key is no name of a file$/);
    await api.deleteRange(`${key}/`, { prefix: true });
    await told(/there is no key below it$/);
    assert.deepEqual(await files(), ['hosts', 'hosts/b.conf', 'main.conf']);
  });

  test('a place that cannot be written, or is not ours, is refused by name', async (t) => {
    const { folder, url, key } = await place(t);
    const refused = { code: 'COMMAND_FAILED', message: new RegExp(`^--file: .*${folder}`) };
    await assert.rejects(new KeptFolder(folder, `${key}/`, url).prepare(), refused);
    await symlink('/etc', join(folder, 'link'));
    await assert.rejects(new KeptFolder(join(folder, 'link/'), `${key}/`, url).prepare(), refused);
    await assert.rejects(new KeptFile(folder, url).prepare(), refused);
    await assert.rejects(new KeptFile(join(folder, 'nowhere', 'file'), url).prepare(), refused);
  });
});
