// `npm run chaos -- [--seconds N] [--seed S]`
import { parseArgs } from 'node:util';
import { ledgerText } from './ledger.js';
import { runChaos } from './run.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const seconds = Number(values.seconds);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

say(`chaos for ${seconds} s, --seed ${seed}`);
const startedAt = performance.now();
const at = (): string => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`.padStart(8);
const { ledger, done } = await runChaos({ seconds, seed, say: (line) => say(`${at()}  ${line}`) });
say('');
say(
  Object.entries(done)
    .sort()
    .map(([what, times]) => `${what} ${times}`)
    .join(', '),
);
say(ledgerText(ledger));
process.exitCode = ledger.broken.length === 0 ? 0 : 1;
