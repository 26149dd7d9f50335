import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type AdminServer, startAdmin } from '../../src/admin/server.js';
import type { StreamLimits } from '../../src/admin/stream.js';
import type { ServiceView } from '../../src/core/views.js';
import { createJournal } from '../../src/observability/journal.js';
import {
  endpointView,
  type FakeGateway,
  fakeGateway,
  membershipChange,
  serviceView,
} from '../support/fake-gateway.js';
import { ManualClock, settle } from '../support/manual-clock.js';

interface Started {
  readonly admin: AdminServer;
  readonly gateway: FakeGateway;
  readonly clock: ManualClock;
  /** How many snapshots have been made. */
  made(): number;
}

async function started(t: TestContext, streamLimits: Partial<StreamLimits> = {}): Promise<Started> {
  const gateway = fakeGateway();
  const clock = new ManualClock();
  let made = 0;
  const services = (): readonly ServiceView[] => {
    made += 1;
    return gateway.services;
  };
  const admin = await startAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    views: { ...gateway.views, services },
    clock,
    actions: gateway.actions,
    journal: createJournal(gateway.hub),
    metricsText: async () => '',
    streamLimits,
  });
  t.after(() => admin.close());
  return { admin, gateway, clock, made: () => made };
}

interface Viewer {
  /** The next event of the kind, skipping others; `comment` for a comment; rejects at the end of the stream. */
  next(kind: string): Promise<unknown>;
  stop(): void;
}

/** Reads the stream over a real connection. */
async function viewer(t: TestContext, admin: AdminServer): Promise<Viewer> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await fetch(`${admin.address}/api/stream`, { signal: abort.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.ok(response.body !== null);
  const blocks = readBlocks(response.body);
  return {
    stop: () => abort.abort(),
    async next(kind) {
      for (;;) {
        const { value, done } = await blocks.next();
        if (done) throw new Error(`the stream ended before ${kind}`);
        if (value.kind === kind) return value.data === '' ? undefined : JSON.parse(value.data);
      }
    },
  };
}

async function* readBlocks(body: AsyncIterable<Uint8Array>): AsyncGenerator<{ kind: string; data: string }> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    const blocks = (text + decoder.decode(chunk, { stream: true })).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, kind = 'comment', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      yield { kind, data };
    }
  }
}

describe('the event stream', { timeout: 20_000 }, () => {
  test('begins with a snapshot of readiness, registries and services', async (t) => {
    const { admin, gateway } = await started(t);
    const view = await viewer(t, admin);
    assert.deepEqual(await view.next('snapshot'), {
      readiness: gateway.readiness,
      registries: gateway.registries,
      services: gateway.services,
    });
  });

  test('tells each journal entry as an event of its kind', async (t) => {
    const { admin, gateway } = await started(t);
    const view = await viewer(t, admin);
    await view.next('snapshot');
    gateway.hub.announce('membership', membershipChange());
    gateway.hub.announce('source', { at: 1, source: 'main', kind: 'disconnected', detail: 'reset' });
    gateway.hub.announce('config', { at: 2, generation: 4, ok: true, detail: [] });
    assert.deepEqual(await view.next('membership'), { kind: 'membership', ...membershipChange() });
    assert.deepEqual(await view.next('source'), {
      kind: 'source',
      event: 'disconnected',
      at: 1,
      source: 'main',
      detail: 'reset',
    });
    assert.deepEqual(await view.next('config'), {
      kind: 'config',
      at: 2,
      generation: 4,
      ok: true,
      detail: [],
    });
  });

  test('shows the services again after a change, at most four times a second', async (t) => {
    const { admin, gateway, clock, made } = await started(t);
    const view = await viewer(t, admin);
    await view.next('snapshot');
    for (let index = 0; index < 100; index += 1) {
      gateway.services = [serviceView('goods', [endpointView(`10.0.0.${index}:80`)])];
      gateway.hub.announce('membership', membershipChange({ address: `10.0.0.${index}:80` }));
      await clock.advance(10);
    }
    assert.equal(made(), 1 + 4);
    await clock.advance(250);
    for (let last = ''; !last.includes('10.0.0.99:80'); ) last = JSON.stringify(await view.next('snapshot'));
  });

  test('shows the counters each second while nothing else changes', async (t) => {
    const { admin, gateway, clock } = await started(t);
    const view = await viewer(t, admin);
    await view.next('snapshot');
    gateway.services = [serviceView('goods', [endpointView('10.0.0.5:80', { requests: 11 })])];
    await clock.advance(1_000);
    assert.match(JSON.stringify(await view.next('snapshot')), /"requests":11/);
  });

  test('does not repeat a snapshot in which nothing changed', async (t) => {
    const { admin, gateway, clock, made } = await started(t);
    const view = await viewer(t, admin);
    await view.next('snapshot');
    await clock.advance(5_000);
    assert.equal(made(), 1 + 5);
    gateway.services = [serviceView('later', [])];
    await clock.advance(1_000);
    assert.match(JSON.stringify(await view.next('snapshot')), /later/);
  });

  test('says every 15 s with a comment that it lives', async (t) => {
    const { admin, clock } = await started(t);
    const view = await viewer(t, admin);
    await view.next('snapshot');
    for (let beat = 0; beat < 3; beat += 1) {
      await clock.advance(15_000);
      await view.next('comment');
    }
  });

  test('ends for every viewer when the admin port closes', async (t) => {
    const { admin } = await started(t);
    const viewers = await Promise.all([viewer(t, admin), viewer(t, admin)]);
    for (const view of viewers) await view.next('snapshot');
    const ends = viewers.map((view) => assert.rejects(view.next('membership')));
    await admin.close();
    await Promise.all(ends);
  });

  test('a viewer that does not read is dropped, and the others go on', async (t) => {
    const { admin, gateway } = await started(t, { maxBufferedBytes: 64 * 1024 });
    const { hostname, port } = new URL(admin.address);
    const stalled = connect(Number(port), hostname);
    t.after(() => stalled.destroy());
    const dropped = once(stalled, 'close');
    stalled.write(`GET /api/stream HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    await once(stalled, 'data');
    stalled.pause();
    const view = await viewer(t, admin);
    await view.next('snapshot');
    // More than the kernel buffers on both sides plus the limit hold; the other viewer reads along.
    for (let batch = 0; batch < 400; batch += 1) {
      const key = 'k'.repeat(64 * 1024);
      gateway.hub.announce('membership', membershipChange({ at: batch, key }));
      await view.next('membership');
    }
    stalled.resume();
    await dropped;
    gateway.hub.announce('membership', membershipChange({ at: 9_999 }));
    assert.deepEqual(await view.next('membership'), {
      kind: 'membership',
      ...membershipChange({ at: 9_999 }),
    });
  });

  test('a viewer that has not read for two heartbeats is dropped, though little waits for it', async (t) => {
    const { admin, gateway, clock } = await started(t);
    const key = 'k'.repeat(16 * 1024 * 1024);
    gateway.services = [serviceView('goods', [endpointView('10.0.0.5:80', { keys: [key] })])];
    const { hostname, port } = new URL(admin.address);
    const stalled = connect(Number(port), hostname);
    t.after(() => stalled.destroy());
    const dropped = once(stalled, 'close');
    stalled.write(`GET /api/stream HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    await once(stalled, 'data');
    stalled.pause();
    await clock.advance(30_000);
    stalled.resume();
    await dropped;
  });

  test('has room for so many viewers, and again when one has left', async (t) => {
    const { admin } = await started(t, { maxClients: 1 });
    const first = await viewer(t, admin);
    await first.next('snapshot');
    const refused = await fetch(`${admin.address}/api/stream`);
    assert.equal(refused.status, 503);
    assert.match(await refused.text(), /TOO_MANY_STREAMS/);
    first.stop();
    for (;;) {
      const again = await fetch(`${admin.address}/api/stream`, { signal: AbortSignal.timeout(5_000) });
      await again.body?.cancel();
      if (again.status === 200) break;
    }
  });

  test('costs nothing without viewers: no timers, no snapshots', async (t) => {
    const { admin, gateway, clock, made } = await started(t);
    const view = await viewer(t, admin);
    await view.next('snapshot');
    assert.ok(clock.pending > 0);
    view.stop();
    while (clock.pending > 0) await settle();
    const before = made();
    gateway.hub.announce('membership', membershipChange());
    await clock.advance(60_000);
    assert.equal(made(), before);
  });
});
