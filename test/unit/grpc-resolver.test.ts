import assert from 'node:assert/strict';
import { test } from 'node:test';
import { experimental } from '@grpc/grpc-js';
import { type GrpcModule, registerScheme } from '../../src/grpc/grpc-js.js';
import type { Resolution } from '../../src/grpc/resolution.js';

/** A resolver as grpc-js gets it, with a naming that the test speaks for. */
function stage() {
  const heard: string[] = [];
  const followers = new Set<(resolution: Resolution) => void>();
  let made: Parameters<GrpcModule['experimental']['registerResolver']>[1] | undefined;
  const module: GrpcModule = {
    experimental: {
      ...experimental,
      registerResolver: (_, resolver) => {
        made = resolver;
      },
    },
  };
  const naming = {
    authorityOf: () => 'foo',
    follow: (_: object, listener: (resolution: Resolution) => void) => {
      followers.add(listener);
      return () => void followers.delete(listener);
    },
  };
  registerScheme('etcd', naming, module);
  const resolver = new (made ?? assert.fail('nothing was registered'))(
    { scheme: 'etcd', path: 'foo' },
    (list, _attributes, _config, note) => {
      const ports = list.ok ? list.value.flatMap(({ addresses }) => addresses) : [];
      heard.push(list.ok ? `${JSON.stringify(ports)}${note}` : `${list.error.code} ${list.error.details}`);
      return true;
    },
    {},
  );
  const tell = (resolution: Resolution): void => {
    for (const follower of followers) follower(resolution);
  };
  return { resolver, heard, followers, tell };
}

const ONE: Resolution = { addresses: [{ host: '10.0.0.1', port: 80 }] };
const NONE: Resolution = { failure: 'no server', empty: true };
const AWAY: Resolution = { failure: 'no registry', empty: false };

test('a channel is followed for from when it wakes until it rests, once, and again when it wakes again', () => {
  const { resolver, followers } = stage();
  assert.equal(followers.size, 0);
  resolver.updateResolution();
  resolver.updateResolution();
  assert.equal(followers.size, 1);
  resolver.destroy();
  resolver.destroy();
  assert.equal(followers.size, 0);
  resolver.updateResolution();
  assert.equal(followers.size, 1);
});

test('a channel is told what is new to it alone, however often it asks', () => {
  const { resolver, heard, tell } = stage();
  resolver.updateResolution();
  tell(ONE);
  tell({ ...ONE });
  resolver.updateResolution();
  assert.deepEqual(heard, ['[{"host":"10.0.0.1","port":80}]']);
  resolver.destroy();
  resolver.updateResolution();
  tell(ONE);
  assert.equal(heard.length, 2, 'one that rested has forgotten');
});

test('a failure comes with its reason, and leaves the servers; emptiness takes them first, and says why twice', () => {
  const { resolver, heard, tell } = stage();
  resolver.updateResolution();
  tell(AWAY);
  tell(ONE);
  tell(AWAY);
  tell(NONE);
  assert.deepEqual(heard, [
    '14 no registry',
    '[{"host":"10.0.0.1","port":80}]',
    '14 no registry',
    '[]no server',
    '14 no server',
  ]);
});

test('emptiness at the beginning is no list: pick_first would leave calls without an answer', () => {
  const { resolver, heard, tell } = stage();
  resolver.updateResolution();
  tell(NONE);
  assert.deepEqual(heard, ['14 no server']);
});

test('a grpc-js that is too old is refused by name', () => {
  const old: Partial<GrpcModule['experimental']> = { ...experimental };
  delete old.statusOrFromError;
  const module = { experimental: old };
  // @ts-expect-error A program may be in JavaScript.
  assert.throws(() => registerScheme('etcd', {}, module), { message: /1\.14 or newer/ });
});
