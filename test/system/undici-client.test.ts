import { UPSTREAM_CLIENT } from '../support/gateway-under-test.js';

/** What is asked of the built-in client, asked of undici as well: both speak the same HTTP/1.1. */
process.env[UPSTREAM_CLIENT] = 'undici';

const RULES = [
  'http2-responses',
  'intermediary-answers',
  'intermediary-bad-upstream',
  'intermediary-fidelity',
  'intermediary-hop-by-hop',
  'intermediary-responses',
  'intermediary-slots',
  'intermediary-trailers',
  'intermediary-unusual',
  'pools',
  'retry-after-bytes',
  'streaming',
  'streaming-abandoned',
] as const;

for (const rules of RULES) await import(`../integration/${rules}.test.js`);
