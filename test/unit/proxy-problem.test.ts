import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import { test } from 'node:test';
import { type Cause, causeRule, causes } from '../../src/core/causes.js';
import { problem } from '../../src/proxy/problem.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

/** Lower-case names and values of a flat list, each name once. */
function fieldsOf(headers: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase() ?? '';
    assert.ok(!(name in fields), `${name} comes twice`);
    fields[name] = headers[index + 1] ?? '';
  }
  return fields;
}

for (const cause of Object.keys(causes) as Cause[]) {
  test(`${cause} is answered with problem details (RFC 9457) of its own words alone`, () => {
    const { status, title, detail, retryAfterSeconds } = causeRule(cause);
    const answer = problem(cause, TRACE);
    assert.equal(answer.status, status);
    assert.deepEqual(JSON.parse(answer.body.toString()), {
      title,
      status,
      detail,
      code: cause,
      trace_id: TRACE,
    });
    assert.deepEqual(fieldsOf(answer.headers), {
      'content-type': 'application/problem+json',
      'content-length': String(answer.body.length),
      'cache-control': 'no-store',
      'x-trace-id': TRACE,
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    });
  });
}

test('the reason phrase is the standard one, and the title where there is none', () => {
  assert.equal(problem('NO_ENDPOINT', TRACE).reason, STATUS_CODES[503]);
  assert.equal(problem('CLIENT_GONE', TRACE).reason, causes.CLIENT_GONE.title);
});

test('what may be over in a moment says when to come back', () => {
  const comeBack = (Object.keys(causes) as Cause[]).filter((cause) =>
    problem(cause, TRACE).headers.includes('Retry-After'),
  );
  assert.deepEqual(comeBack, ['NO_ENDPOINT', 'OVERLOADED', 'SHUTTING_DOWN']);
});
