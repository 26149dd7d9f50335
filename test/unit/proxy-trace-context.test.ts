import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TraceSampler } from '../../src/core/tracing.js';
import { pooledRandomHex, traceContext } from '../../src/proxy/trace-context.js';

// https://www.w3.org/TR/trace-context/ section 3.2.

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const OWN_SPAN = 'ab'.repeat(8);
const OWN_TRACE = 'ab'.repeat(16);

/** Stands in for chance. */
const randomHex = (bytes: number): string => 'ab'.repeat(bytes);

function traceOf(
  traceparent: string | undefined,
  tracestate?: string,
  sampler?: TraceSampler,
): ReturnType<typeof traceContext> {
  return traceContext({ traceparent, tracestate }, randomHex, sampler);
}

function sent(traceparent: string | undefined): string {
  return traceOf(traceparent).traceparent;
}

test("a valid traceparent goes on: the client's trace, our span as the parent", () => {
  assert.deepEqual(traceOf(`00-${TRACE}-${PARENT}-01`, 'rojo=1'), {
    traceId: TRACE,
    spanId: OWN_SPAN,
    parentId: PARENT,
    traceparent: `00-${TRACE}-${OWN_SPAN}-01`,
    traceState: 'rojo=1',
    recorded: false,
  });
});

test('a tracestate that is not one is dropped, and the trace goes on all the same', () => {
  const { traceId, traceState } = traceOf(`00-${TRACE}-${PARENT}-01`, 'rojo=1,,=2');
  assert.deepEqual([traceId, traceState], [TRACE, undefined]);
});

test('a sampler is told what the client decided, and its own decision goes on', () => {
  const asked: (boolean | undefined)[] = [];
  const decide =
    (answer: boolean): TraceSampler =>
    (_traceId, parentSampled) => {
      asked.push(parentSampled);
      return answer;
    };
  const kept = traceOf(`00-${TRACE}-${PARENT}-00`, undefined, decide(true));
  const dropped = traceOf(`00-${TRACE}-${PARENT}-01`, undefined, decide(false));
  const begun = traceOf(undefined, undefined, decide(false));
  assert.deepEqual(
    [kept, dropped, begun].map(({ traceparent, recorded }) => [traceparent.slice(-2), recorded]),
    [
      ['01', true],
      ['00', false],
      ['00', false],
    ],
  );
  assert.deepEqual(asked, [false, true, undefined]);
});

const FLAGS = [
  ['00', '00'],
  ['01', '01'],
  ['02', '00'],
  ['03', '01'],
  ['fe', '00'],
  ['ff', '01'],
] as const;

for (const [received, forwarded] of FLAGS) {
  test(`of the flags ${received} only the sampled bit, the one that version 00 defines, is sent on`, () => {
    assert.equal(sent(`00-${TRACE}-${PARENT}-${received}`), `00-${TRACE}-${OWN_SPAN}-${forwarded}`);
  });
}

const LATER_VERSIONS = [
  `01-${TRACE}-${PARENT}-01`,
  `cc-${TRACE}-${PARENT}-01`,
  `fe-${TRACE}-${PARENT}-01-what-the-future-will-be-like`,
  `01-${TRACE}-${PARENT}-01-`,
];

for (const received of LATER_VERSIONS) {
  test(`a later version is read as far as version 00 defines it: ${received}`, () => {
    assert.equal(sent(received), `00-${TRACE}-${OWN_SPAN}-01`);
  });
}

const INVALID = {
  'none at all': undefined,
  'an empty one': '',
  'version ff': `ff-${TRACE}-${PARENT}-01`,
  'more after the flags of version 00': `00-${TRACE}-${PARENT}-01-more`,
  'more after the flags without a dash': `01-${TRACE}-${PARENT}-01more`,
  'an upper-case trace id': `00-${TRACE.toUpperCase()}-${PARENT}-01`,
  'an upper-case parent id': `00-${TRACE}-${PARENT.toUpperCase()}-01`,
  'a trace id of zeros': `00-${'0'.repeat(32)}-${PARENT}-01`,
  'a parent id of zeros': `00-${TRACE}-${'0'.repeat(16)}-01`,
  'a trace id that is too short': `00-${TRACE.slice(1)}-${PARENT}-01`,
  'a trace id that is too long': `00-${TRACE}0-${PARENT}-01`,
  'a parent id that is too short': `00-${TRACE}-${PARENT.slice(1)}-01`,
  'digits that are not hexadecimal': `00-${TRACE.replace('4', 'g')}-${PARENT}-01`,
  'flags of one digit': `00-${TRACE}-${PARENT}-1`,
  'flags that are not hexadecimal': `00-${TRACE}-${PARENT}-.0`,
  'other separators': `00_${TRACE}_${PARENT}_01`,
  'space around it': ` 00-${TRACE}-${PARENT}-01 `,
  'two in one value': `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
};

for (const [what, received] of Object.entries(INVALID)) {
  test(`${what} starts a trace of our own, sampled`, () => {
    assert.deepEqual(traceOf(received, 'rojo=1'), {
      traceId: OWN_TRACE,
      spanId: OWN_SPAN,
      parentId: undefined,
      traceparent: `00-${OWN_TRACE}-${OWN_SPAN}-01`,
      traceState: undefined,
      recorded: false,
    });
  });
}

test('ids drawn from the pool have the length asked for, and none comes twice', () => {
  const draw = pooledRandomHex();
  const seen = new Set<string>();
  // More than the pool holds, several times over.
  for (let round = 0; round < 1000; round += 1) {
    const [span, trace] = [draw(8), draw(16)];
    assert.match(span, /^[0-9a-f]{16}$/);
    assert.match(trace, /^[0-9a-f]{32}$/);
    seen.add(span).add(trace);
  }
  assert.equal(seen.size, 2000);
});
