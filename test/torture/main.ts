import { parseArgs } from 'node:util';
import { type CaseResult, runCase, type TortureCase } from './case.js';
import { type RegistryKind, registryKinds } from './registry.js';
import { suite } from './suite.js';
import { header, row, total } from './table.js';

/** Run with `npm run torture -- [--registry etcd|embedded] [--case NAME]… [--list]`. */
const { values } = parseArgs({
  options: {
    registry: { type: 'string', default: 'etcd' },
    case: { type: 'string', multiple: true, default: [] },
    list: { type: 'boolean', default: false },
  },
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function chosenRegistry(): RegistryKind {
  const kind = registryKinds.find((name) => name === values.registry);
  if (kind === undefined) throw new Error(`--registry is one of ${registryKinds.join(', ')}`);
  return kind;
}

function chosenCases(kind: RegistryKind): readonly TortureCase[] {
  const possible = suite.filter(({ registries }) => registries.includes(kind));
  const unknown = values.case.find((name) => possible.every((torture) => torture.name !== name));
  if (unknown !== undefined) {
    const names = possible.map(({ name }) => name).join(', ');
    throw new Error(`${kind} has no case ${unknown}; it has ${names}`);
  }
  return values.case.length === 0 ? possible : possible.filter(({ name }) => values.case.includes(name));
}

async function torture(): Promise<boolean> {
  const kind = chosenRegistry();
  const cases = chosenCases(kind);
  if (values.list) {
    for (const { name, what } of cases) say(`${name.padEnd(20)}${what}`);
    return true;
  }
  say(header(kind));
  const results: CaseResult[] = [];
  for (const one of cases) {
    const result = await runCase(one, kind);
    results.push(result);
    for (const line of row(result)) say(line);
  }
  say(total(results));
  return results.every(({ problems }) => problems.length === 0);
}

try {
  process.exitCode = (await torture()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`torture: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
