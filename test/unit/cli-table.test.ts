import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cut, cutBefore, displayWidth, pad } from '../../src/cli/display-width.js';
import { styleOfExplanation } from '../../src/cli/explanation-text.js';
import { formatEntry } from '../../src/cli/journal-text.js';
import { paintFor, plain } from '../../src/cli/paint.js';
import { tellBeside, withNotice } from '../../src/cli/progress.js';
import { type Column, drawTable } from '../../src/cli/table.js';
import { filled, wrapped } from '../../src/cli/wrapped.js';
import type { JournalEntry } from '../../src/core/views.js';
import { membershipChange } from '../support/fake-gateway.js';
import { ManualClock } from '../support/manual-clock.js';

const TERMINAL = { isTTY: true };

describe('the width of a text', () => {
  test('counts what a terminal gives it: two for Han and emoji, none for marks', () => {
    assert.deepEqual(
      ['goods', '商品', 'ア', 'é', 'e\u0301', '🛒', '…', ''].map(displayWidth),
      [5, 4, 2, 1, 1, 2, 1, 0],
    );
  });

  test('is kept when it is cut or filled up', () => {
    assert.equal(cut('10.0.0.5:8080', 8), '10.0.0.…');
    assert.equal(cut('商品服务', 6), '商品…');
    assert.equal(cut('goods', 5), 'goods');
    assert.equal(cut('goods', 0), '');
    assert.equal(cutBefore('10.0.0.5:8080', 8), '….5:8080');
    assert.equal(cutBefore('  10.0.0.5:8080', 10), '  ….5:8080');
    assert.equal(cutBefore('goods', 5), 'goods');
    assert.deepEqual(
      [0, 1, 2].map((width) => cutBefore('  goods', width)),
      ['', '…', ' …'],
    );
    assert.equal(pad('商品', 6, 'before'), '  商品');
    assert.equal(pad('goods', 3, 'after'), 'goods');
  });
});

describe('colour', () => {
  test('is for a terminal that can show it, and whose owner wants it', () => {
    assert.equal(paintFor(TERMINAL, { TERM: 'xterm' })('up', 'red'), '\x1b[31mup\x1b[39m');
    assert.equal(paintFor(TERMINAL, { NO_COLOR: '' })('up', 'red'), '\x1b[31mup\x1b[39m');
    for (const [stream, env] of [
      [{}, {}],
      [TERMINAL, { NO_COLOR: '0' }],
      [TERMINAL, { TERM: 'dumb' }],
    ] as const) {
      assert.equal(paintFor(stream, env)('up', 'red'), 'up');
    }
  });
});

describe('a table', () => {
  const columns: Column[] = [
    { heading: 'SERVICE', least: 6 },
    { heading: 'STATE' },
    { heading: 'REQUESTS', numeric: true, dispensable: 1 },
    { heading: 'AGE', numeric: true, dispensable: 2 },
  ];
  const rows = [['商品', 'up', '12', '3m'].map((text) => ({ text })), [{ text: 'recommendations' }]];
  const at = (width: number | undefined) => drawTable(columns, rows, { width, paint: plain });

  test('is aligned by columns of the screen, and whole into a pipe', () => {
    assert.deepEqual(at(undefined), [
      'SERVICE          STATE  REQUESTS  AGE',
      '商品             up           12   3m',
      'recommendations',
    ]);
  });

  test('leaves columns out until the rest fits, cut where that may be', () => {
    assert.deepEqual(at(29), ['SERVICE  STATE  REQUESTS  AGE', '商品     up           12   3m', 'recomm…']);
    assert.deepEqual(at(20), ['SERVICE        STATE', '商品           up', 'recommendati…']);
    assert.deepEqual(at(13), ['SERVI…  STATE', '商品    up', 'recom…']);
  });

  test('is never wider than the screen, as long as its columns allow', () => {
    for (let width = 13; width < 60; width += 1) {
      for (const line of at(width)) assert.ok(displayWidth(line) <= width, `${width}: ${line}`);
    }
  });

  test('is as wide with colour as without', () => {
    const paint = paintFor(TERMINAL, {});
    const coloured = drawTable(columns, [[{ text: 'goods', style: 'red' }, { text: 'up' }]], {
      width: 20,
      paint,
    });
    assert.equal(coloured[1], '\x1b[31mgoods\x1b[39m    up');
  });
});

describe('a line that is wider than the screen', () => {
  const line = '  goods 10.0.0.5:80 joined: registered; up';

  test('is broken between words, the rest further in, and is one line into a pipe', () => {
    assert.deepEqual(wrapped(line, 20), ['  goods 10.0.0.5:80', '    joined:', '    registered; up']);
    assert.deepEqual(wrapped(line, undefined), [line]);
    assert.deepEqual(wrapped(line, displayWidth(line)), [line]);
  });

  test('keeps a word whole that is itself too wide', () => {
    assert.deepEqual(wrapped('key /services/goods/pod-1, revision 7', 12), [
      'key',
      '  /services/goods/pod-1,',
      '  revision 7',
    ]);
  });

  test('is broken where it would be without its colour', () => {
    const [first, ...more] = wrapped(paintFor(TERMINAL, {})(line, 'red'), 20);
    const [begin, end] = ['\x1b[31m', '\x1b[39m'];
    assert.deepEqual([first, ...more].join('\n'), `${begin}${wrapped(line, 20).join('\n')}${end}`);
  });

  test('of prose is filled, and what is indented stays as it is', () => {
    const text = '\nOne two three\nfour.\n\nExamples:\n  watchgate journal --service goods\n  watchgate why';
    assert.equal(
      filled(text, 10),
      '\nOne two\nthree\nfour.\n\nExamples:\n  watchgate journal --service goods\n  watchgate why',
    );
    assert.match(filled(text, 80), /^\nOne two three four\.\n\nExamples:\n/);
  });
});

describe('the notice of what takes long', () => {
  const written = (isTTY: boolean) => {
    const lines: string[] = [];
    return { isTTY, lines, write: (text: string) => lines.push(text) };
  };

  test('comes after a second, on a terminal, and goes with the result', async () => {
    const [screen, clock] = [written(true), new ManualClock()];
    let finish = (_: string): void => {};
    const work = new Promise<string>((resolve) => {
      finish = resolve;
    });
    const result = withNotice('measuring', work, screen, clock);
    await clock.advance(999);
    assert.deepEqual(screen.lines, []);
    await clock.advance(1);
    assert.deepEqual(screen.lines, ['watchgate: measuring …']);
    finish('done');
    assert.equal(await result, 'done');
    assert.deepEqual(screen.lines.at(-1), '\r\x1b[K');
  });

  test('makes room for a line that is told meanwhile', () => {
    const [screen, log] = [written(true), written(false)];
    for (const one of [screen, log]) tellBeside('trying again', one);
    assert.deepEqual([screen.lines, log.lines], [['\r\x1b[Ktrying again\n'], ['trying again\n']]);
  });

  test('does not come where the result is quick, nor into a log', async () => {
    const [quick, log, clock] = [written(true), written(false), new ManualClock()];
    await withNotice('measuring', Promise.resolve(), quick, clock);
    await assert.rejects(withNotice('measuring', Promise.reject(new Error('no')), log, clock), /no/);
    await clock.advance(5_000);
    assert.deepEqual([quick.lines, log.lines], [[], []]);
  });
});

test('the journal is coloured by what it tells, and not without a terminal', () => {
  const left: JournalEntry = {
    kind: 'membership',
    ...membershipChange({ change: 'left', state: 'gone', cause: 'removed' }),
  };
  assert.match(
    formatEntry(left, paintFor(TERMINAL, {})),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /^\x1b\[2m2026\S+Z\x1b\[22m {2}\x1b\[31mgoods .*\x1b\[39m$/,
  );
  assert.match(formatEntry(left), /^2026\S+Z {2}goods 10\.0\.0\.5:80 left: removed; /);
});

test('the verdict of an explanation is red only when no endpoint answers', () => {
  const styles = ['=> goes to a:1', '=> went to a:1', '=> 503 NO_ENDPOINT: none', 'ROUTES'].map(
    styleOfExplanation,
  );
  assert.deepEqual(styles, ['bold', 'bold', 'red', undefined]);
});
