import { type Credentials, openRegistry, type RegistryKind, type TortureRegistry } from './registry.js';
import { type Recovery, Stage } from './stage.js';

const TOLD_WITHIN_MS = 1_000;

/** One way in which registries and networks fail. */
export interface TortureCase {
  /** As given to `--case`. */
  readonly name: string;
  /** What happens, in a few words. */
  readonly what: string;
  readonly registries: readonly RegistryKind[];
  /** Further flags of etcd. */
  readonly args?: readonly string[];
  /** Runs before the gateway starts, which then reads as `reader`; the test writes as `writer`. */
  readonly access?: {
    readonly reader: Credentials;
    readonly writer: Credentials;
    readonly enable: (stage: Stage) => Promise<void>;
  };
  /** Endpoint of the member that the gateway is to start with; any when absent. */
  readonly watched?: (registry: TortureRegistry) => Promise<string>;
  readonly run: (stage: Stage) => Promise<void>;
}

export interface CaseResult {
  readonly name: string;
  /** Why it failed; empty when it passed. */
  readonly problems: readonly string[];
  readonly recoveries: readonly Recovery[];
  readonly requests: number;
  readonly failed: number;
  readonly relists: readonly string[];
  readonly durationMs: number;
}

/** Runs a case on a registry of its own and judges it by what holds for all: nothing lost, failed or late. */
export async function runCase(torture: TortureCase, kind: RegistryKind): Promise<CaseResult> {
  const startedAt = performance.now();
  const rejections: string[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(String(reason));
  process.on('unhandledRejection', onRejection);
  const registry = await openRegistry(kind, torture.args ?? []);
  const stage = new Stage(registry, torture.access);
  const problems: string[] = [];
  try {
    await torture.access?.enable(stage);
    await stage.open(await torture.watched?.(registry));
    await stage.ledger.register(20);
    await stage.viewRight('at first', 5_000);
    await torture.run(stage);
    await stage.load.stop();
    // Of many at once it is told in slices, a little after they can be used.
    await stage.allTold(TOLD_WITHIN_MS);
    problems.push(...verdict(stage));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    await stage.close();
    await registry.close();
    process.off('unhandledRejection', onRejection);
  }
  problems.push(...rejections.map((reason) => `unhandled rejection: ${reason}`));
  return {
    name: torture.name,
    problems,
    recoveries: stage.recoveries.slice(1),
    ...counts(stage),
    relists: stage.relists,
    durationMs: performance.now() - startedAt,
  };
}

function counts(stage: Stage): Pick<CaseResult, 'requests' | 'failed'> {
  const { answered = 0, failures = [] } = stage.loadSoFar ?? {};
  return { requests: answered + failures.length, failed: failures.length };
}

function verdict(stage: Stage): string[] {
  const problems: string[] = [];
  for (const { what, ms, limitMs } of stage.recoveries) {
    if (ms > limitMs) problems.push(`${what}: right after ${ms.toFixed(0)} ms, allowed ${limitMs}`);
  }
  const unseen = stage.ledger.missingFrom(stage.joined);
  if (unseen.length > 0) problems.push(`${unseen.length} never seen, such as ${unseen[0]}`);
  const { drift } = stage.source.view();
  if (drift !== 0) problems.push(`drift ${drift}`);
  const { failures, answered } = stage.load;
  if (failures.length > 0) problems.push(`${failures.length} requests failed: ${failures[0]}`);
  if (answered === 0) problems.push('no request was answered');
  return problems;
}
