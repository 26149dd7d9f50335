import type { CaseResult } from './case.js';
import type { RegistryKind } from './registry.js';

const NAME_WIDTH = 20;

/** The first lines of the table. */
export function header(kind: RegistryKind): string {
  const columns = [
    'right after'.padStart(12),
    'allowed'.padStart(9),
    'requests'.padStart(10),
    'failed'.padStart(8),
  ];
  return `${`torture: ${kind}`.padEnd(NAME_WIDTH + 6)}${columns.join('')}  took     when`;
}

/** One line for each time that the view had to become right, then one for each problem. */
export function row(result: CaseResult): string[] {
  const verdict = result.problems.length === 0 ? 'pass' : 'FAIL';
  const { recoveries, requests, failed, durationMs } = result;
  const first = `${verdict}  ${result.name.padEnd(NAME_WIDTH)}`;
  const rest = ' '.repeat(first.length);
  const ends = `${String(requests).padStart(10)}${String(failed).padStart(8)}${seconds(durationMs).padStart(8)}`;
  const lines = recoveries.map(({ what, ms, limitMs }, index) => {
    const times = `${seconds(ms).padStart(12)}${seconds(limitMs).padStart(9)}`;
    return index === 0 ? `${first}${times}${ends}  ${what}` : `${rest}${times}${' '.repeat(26)}  ${what}`;
  });
  if (lines.length === 0) lines.push(`${first}${' '.repeat(21)}${ends}`);
  return [...lines, ...result.problems.map((problem) => `      ${problem}`)];
}

/** The last line. */
export function total(results: readonly CaseResult[]): string {
  const passed = results.filter(({ problems }) => problems.length === 0).length;
  const duration = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return `${passed} of ${results.length} passed in ${seconds(duration)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
