import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KnownEndpoints, readChange } from '../../src/cli/endpoint-changes.js';
import { formatAge, formatTable, printable, readRows } from '../../src/cli/endpoint-rows.js';
import { changeLines, liveTable } from '../../src/cli/watch-views.js';
import { endpointView, membershipChange, serviceView } from '../support/fake-gateway.js';
import { ManualClock } from '../support/manual-clock.js';

const goods = (...addresses: string[]) =>
  readRows([
    serviceView(
      'goods',
      addresses.map((address) => endpointView(address)),
    ),
  ]);

/** An output that keeps what is written to it. */
function memory(size: { columns: number; rows: number } = { columns: 200, rows: 50 }) {
  const written: string[] = [];
  return { ...size, written, write: (text: string) => written.push(text) };
}

describe('the table of endpoints', () => {
  test('is aligned, numbers to the right', () => {
    const rows = readRows([
      serviceView('goods', [
        endpointView('10.0.0.5:80', { inFlight: 3, requests: 123_456, latencyEwmaMs: 12.34 }),
      ]),
      serviceView('user@dc2', [endpointView('[2001:db8::1]:8080', { state: 'draining', failures: 7 })]),
    ]);
    const since = Date.UTC(2026, 0, 2, 3, 4, 5);
    assert.deepEqual(formatTable(rows, since + 125_000), [
      'SERVICE   ADDRESS             STATE     IN-FLIGHT  REQUESTS  FAILURES  LATENCY  AGE',
      'goods     10.0.0.5:80         up                3    123456         0   12.3ms   2m',
      'user@dc2  [2001:db8::1]:8080  draining          0        10         7    1.5ms   2m',
    ]);
  });

  test('has its heading when there is nothing to show', () => {
    assert.match(formatTable([], 0).join('\n'), /^SERVICE {2}ADDRESS .* AGE$/);
  });

  test('shows an age in its largest unit, and never a negative one', () => {
    assert.deepEqual([-5, 0, 59_999, 60_000, 3_600_000, 200_000_000].map(formatAge), [
      '0s',
      '0s',
      '59s',
      '1m',
      '1h',
      '2d',
    ]);
  });

  test('cannot be made to drive the terminal by a service name', () => {
    const [, line] = formatTable(readRows([serviceView('\x1b]0;pwned\x07\u202e', [endpointView('a:1')])]), 0);
    assert.match(line ?? '', /^\?\]0;pwned\?\? /);
    assert.equal(printable('a\nb\u200b'), 'a?b?');
  });

  test('is only made of answers that have its shape', () => {
    for (const answer of [
      undefined,
      {},
      [1],
      [{ name: 'goods' }],
      [{ name: 'goods', endpoints: [{ address: 'a:1' }] }],
    ]) {
      assert.throws(() => readRows(answer), { code: 'ADMIN_UNREACHABLE' });
    }
  });
});

describe('what is told after a broken connection', () => {
  test('the first snapshot lists what is there', () => {
    const changes = new KnownEndpoints().compare(goods('a:1', 'b:1'), 5);
    assert.deepEqual(
      changes.map(({ change, address }) => `${change} ${address}`),
      ['listed a:1', 'listed b:1'],
    );
  });

  test('later ones tell what differs from what was told', () => {
    const known = new KnownEndpoints();
    known.replace(goods('a:1', 'b:1', 'c:1'));
    known.apply({ at: 0, change: 'left', service: 'goods', address: 'a:1', state: 'gone', cause: 'removed' });
    known.apply({
      at: 0,
      change: 'joined',
      service: 'goods',
      address: 'd:1',
      state: 'up',
      cause: 'registered',
    });
    const rows = readRows([
      serviceView('goods', [
        endpointView('c:1', { state: 'draining' }),
        endpointView('d:1'),
        endpointView('e:1'),
      ]),
    ]);
    assert.deepEqual(
      known.compare(rows, 5).map(({ change, address, cause }) => `${change} ${address} ${cause}`),
      ['left b:1 reconnected', 'joined e:1 reconnected', 'changed c:1 reconnected'],
    );
  });

  test('an event of a shape not known here is passed over', () => {
    assert.equal(readChange({ ...membershipChange(), change: 'teleported' }), undefined);
    assert.equal(readChange(null), undefined);
    assert.equal(readChange(membershipChange())?.cause, 'registered');
  });
});

describe('lines of changes', () => {
  const change = readChange(membershipChange()) ?? assert.fail();

  test('name the mark, the time, the endpoint, the state and the cause', () => {
    const out = memory();
    const view = changeLines(out, memory(), false);
    view.change(change);
    view.change({ ...change, change: 'left', state: 'gone', cause: 'removed' });
    view.change({ ...change, change: 'changed', state: 'draining', cause: 'operator' });
    assert.deepEqual(out.written, [
      '+ 2026-01-02T03:04:05.000Z goods 10.0.0.5:80 joined, up (registered)\n',
      '- 2026-01-02T03:04:05.000Z goods 10.0.0.5:80 left, gone (removed)\n',
      '~ 2026-01-02T03:04:05.000Z goods 10.0.0.5:80 changed, draining (operator)\n',
    ]);
  });

  test('are one JSON object each when that is wanted', () => {
    const out = memory();
    changeLines(out, memory(), true).change(change);
    assert.deepEqual(
      out.written.map((line) => JSON.parse(line)),
      [change],
    );
  });

  test('a lost connection is said once, and not among the changes', () => {
    const [out, notices] = [memory(), memory()];
    const view = changeLines(out, notices, false);
    for (let attempt = 0; attempt < 5; attempt += 1) view.lost('ECONNREFUSED');
    assert.deepEqual(out.written, []);
    assert.deepEqual(notices.written, ['watchgate: connection lost, reconnecting: ECONNREFUSED\n']);
  });
});

describe('the live table', () => {
  const linesOf = (written: readonly string[]) =>
    (written.at(-1) ?? '')
      .replaceAll('\x1b[K', '')
      .replaceAll('\x1b[H', '')
      .replaceAll('\x1b[J', '')
      .split('\n');

  test('shows the endpoints, the latest changes and whether the connection stands', () => {
    const screen = memory();
    const view = liveTable(screen, new ManualClock(), 'Endpoints');
    view.show(goods('a:1'), []);
    view.change(readChange(membershipChange()) ?? assert.fail());
    const lines = linesOf(screen.written);
    assert.equal(lines[0], 'Endpoints: live');
    assert.match(lines[3] ?? '', /^goods {4}a:1 /);
    assert.match(lines[5] ?? '', /^\+ .* joined, up \(registered\)$/);
    view.lost('ECONNREFUSED');
    assert.match(linesOf(screen.written)[0] ?? '', /CONNECTION LOST/);
  });

  test('never draws more than the screen holds', () => {
    const screen = memory({ columns: 30, rows: 12 });
    const view = liveTable(screen, new ManualClock(), 'Endpoints');
    view.show(goods(...Array.from({ length: 100 }, (_, index) => `10.0.0.${index}:80`)), []);
    const lines = linesOf(screen.written);
    assert.ok(lines.length <= 12, `${lines.length} lines`);
    assert.ok(lines.every((line) => line.length <= 30));
    assert.ok(lines.some((line) => line === '… and 94 more'));
  });
});
