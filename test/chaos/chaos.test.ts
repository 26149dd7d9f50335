import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerText } from './ledger.js';
import { runChaos } from './run.js';

/** `npm run chaos` goes on for as long as it is told. */
const SECONDS = 6;

test('while endpoints are killed, frozen, slowed, broken and scaled, and routes change, every request is accounted for', async (t) => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1_000_000));
  const { ledger, done } = await runChaos({ seconds: SECONDS, seed, say: () => undefined });
  const story = `seed ${seed}: ${JSON.stringify(done)}\n${ledgerText(ledger)}`;
  for (const line of story.split('\n')) t.diagnostic(line);
  assert.ok(ledger.requests.GET > 50 && ledger.requests.POST > 20, story);
  assert.deepEqual(ledger.broken, [], story);
});
