import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pooledRandomHex, traceContext } from '../../src/proxy/trace-context.js';

// https://www.w3.org/TR/trace-context/ section 3.2.

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const OWN_SPAN = 'ab'.repeat(8);
const OWN_TRACE = 'ab'.repeat(16);

/** Stands in for chance. */
const randomHex = (bytes: number): string => 'ab'.repeat(bytes);

function sent(traceparent: string | undefined): string {
  return traceContext(traceparent, randomHex).traceparent;
}

test("a valid traceparent goes on: the client's trace, our span as the parent", () => {
  assert.deepEqual(traceContext(`00-${TRACE}-${PARENT}-01`, randomHex), {
    traceId: TRACE,
    traceparent: `00-${TRACE}-${OWN_SPAN}-01`,
    continued: true,
  });
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
    assert.deepEqual(traceContext(received, randomHex), {
      traceId: OWN_TRACE,
      traceparent: `00-${OWN_TRACE}-${OWN_SPAN}-01`,
      continued: false,
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
